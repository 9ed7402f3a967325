import { describe, expect, it } from "vitest"
import { guarded } from "../../../src/dataset/guarded.js"
import { padFiles } from "../../../src/metainfo/create.js"
import { fileHashes } from "../../../src/metainfo/file-hashes.js"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import { hashFiles } from "../../../src/storage/create-pieces.js"
import { naiveLowestRoot } from "../../support/naive-merkle.js"
import { sha256 } from "../../support/torrents.js"
import { sample, someBytes, World } from "./fixture.js"

const tree = sample({
  pieceLength: 1000,
  files: [
    { path: "a", length: 2500 },
    { path: "empty", length: 0 },
    { path: "b", length: 300 },
    { path: "c", length: 4321 },
  ],
})
const files = tree.layout.files.map(({ length }, index) => ({ path: tree.pathOf(index), length, padding: false }))
const layout = TorrentLayout.of(1000, files, "contiguous")

function complete(): World {
  const world = new World()
  for (const index of [0, 1, 2, 3]) world.disk.putFile(tree.pathOf(index), tree.fileData(index).slice())
  return world
}

describe("hashing files for a new torrent", () => {
  it("gives the digest of each piece, across the ends of files", async () => {
    const world = complete()
    const progress: number[] = []
    const hashes = await world.run(
      hashFiles({ platform: world.platform, version: "v1", layout, onProgress: (done) => progress.push(done) }),
    )
    expect(hashes).toEqual({ sha1: tree.metainfo.pieceHashes, nodes: undefined })
    expect(progress.at(-1)).toBe(7121)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  it("gives each file its own hash tree, whether files are aligned or padded", async () => {
    const long = sample({
      pieceLength: 32768,
      files: [
        { path: "a", length: 100_001 },
        { path: "b", length: 0 },
        { path: "c", length: 1 },
        { path: "d", length: 32768 },
        { path: "e", length: 3 * 32768 },
        { path: "f", length: 40_000 },
      ],
    })
    const world = new World()
    const found = long.layout.files.map(({ length }, index) => {
      world.disk.putFile(long.pathOf(index), long.fileData(index).slice())
      return { path: long.pathOf(index), length, padding: false }
    })
    const aligned = TorrentLayout.of(32768, found, "aligned")
    const padding = padFiles(
      found.map(({ path, length }) => ({ path: [path], length })),
      32768,
    )
    const padded = TorrentLayout.of(
      32768,
      padding.map(({ path, length, padding = false }) => ({ path: path[0]!, length, padding })),
      "contiguous",
    )
    const roots = found.map(({ length }, index) => (length === 0 ? undefined : naiveLowestRoot(long.fileData(index))))
    const progress: number[] = []
    const onProgress = (done: number): unknown => progress.push(done)
    const v2 = await world.run(hashFiles({ platform: world.platform, version: "v2", layout: aligned, onProgress }))
    expect(v2.sha1).toBeUndefined()
    expect(fileHashes(aligned, v2.nodes!, sha256).map((hashes) => hashes?.root)).toEqual(roots)
    expect(progress.at(-1)).toBe(long.layout.length)
    const hybrid = await world.run(hashFiles({ platform: world.platform, version: "hybrid", layout: padded }))
    const real = padded.files.flatMap((file, index) => (file.padding ? [] : [index]))
    const ofHybrid = fileHashes(padded, hybrid.nodes!, sha256)
    expect(real.map((index) => ofHybrid[index]?.root)).toEqual(roots)
    const v1 = await world.run(hashFiles({ platform: world.platform, version: "v1", layout: padded }))
    expect(hybrid.sha1).toEqual(v1.sha1)
  })

  it("refuses files that change while they are read, or are not as they were found", async () => {
    const hash = (world: World) => hashFiles({ platform: world.platform, version: "v1", layout })
    const longer = complete()
    longer.disk.putFile(tree.pathOf(3), someBytes(5000))
    await expect(longer.run(hash(longer))).rejects.toMatchObject({ code: "AT_DISK_IO" })
    const replaced = complete()
    const hashing = hash(replaced)
    await replaced.clock.runUntil(() => replaced.disk.operations.some(({ kind }) => kind === "read"))
    replaced.disk.putFile(tree.pathOf(0), tree.fileData(0).slice())
    await expect(replaced.run(hashing)).rejects.toMatchObject({ code: "AT_DISK_IO" })
  })

  it("says what can't be read, and nothing of a datastore: there is none", async () => {
    const world = complete()
    world.disk.failAt(({ path }) => path === tree.pathOf(2), "permission", "forever")
    const hashing = guarded(() => hashFiles({ platform: world.platform, version: "v1", layout }))
    await expect(world.run(hashing)).rejects.toMatchObject({
      code: "AT_DISK_IO",
      message: expect.stringContaining(tree.pathOf(2)),
      hint: expect.not.stringContaining("datastore"),
    })
  })

  it("stops when it is told to", async () => {
    const world = complete()
    const signal = AbortSignal.abort()
    await expect(
      world.run(hashFiles({ platform: world.platform, version: "v1", layout, signal })),
    ).rejects.toMatchObject({ code: "AT_ABORTED" })
  })
})
