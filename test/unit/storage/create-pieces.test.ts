import { describe, expect, it } from "vitest"
import { hashFiles } from "../../../src/storage/create-pieces.js"
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
const files = tree.layout.files.map(({ length }, index) => ({ path: tree.pathOf(index), length }))

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
      hashFiles({ platform: world.platform, files, pieceLength: 1000, onProgress: (done) => progress.push(done) }),
    )
    expect(hashes).toEqual(tree.metainfo.pieceHashes)
    expect(progress.at(-1)).toBe(7121)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  it("refuses files that change while they are read, or are not as they were found", async () => {
    const hash = (world: World) => hashFiles({ platform: world.platform, files, pieceLength: 1000 })
    const longer = complete()
    longer.disk.putFile(tree.pathOf(3), someBytes(5000))
    await expect(longer.run(hash(longer))).rejects.toMatchObject({ code: "AT_DISK_IO" })
    const replaced = complete()
    const hashing = hash(replaced)
    await replaced.clock.runUntil(() => replaced.disk.operations.some(({ kind }) => kind === "read"))
    replaced.disk.putFile(tree.pathOf(0), tree.fileData(0).slice())
    await expect(replaced.run(hashing)).rejects.toMatchObject({ code: "AT_DISK_IO" })
  })

  it("stops when it is told to", async () => {
    const world = complete()
    const signal = AbortSignal.abort()
    await expect(
      world.run(hashFiles({ platform: world.platform, files, pieceLength: 1000, signal })),
    ).rejects.toMatchObject({ code: "AT_ABORTED" })
  })
})
