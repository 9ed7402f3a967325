import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { readTorrent } from "../../testbed/torrent.js"
import { academictorrents, aria2, describeWith, libtorrent } from "../support/partners/index.js"
import { findProgram, Program } from "../support/program.js"
import { type Sample, SHAPES, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const mktorrent = {
  missing: () => (findProgram("mktorrent") === undefined ? "mktorrent (apt-get install mktorrent)" : undefined),
}

const transmissionCreate = {
  missing: () =>
    findProgram("transmission-create") === undefined
      ? "transmission-create (apt-get install transmission-cli)"
      : undefined,
}

let folder: string
let sample: Sample
let created: { torrentPath: string; infoHash: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-created-"))
  // With names that we would not write ourselves.
  const files = { ...SHAPES["awkward names in 16 KiB pieces"].files, "at 12:00?.csv": 50_000, "b*/<c>": 20_000 }
  sample = await sampleOf(folder, "set [of] 100%", files, 16 * 1024)
  created = await academictorrents.create(sample.path, join(folder, "ours.torrent"), ["--piece-length", "32K"])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

describeWith("a torrent that we create, and mktorrent", [mktorrent], () => {
  it("have the same infohash", async () => {
    const output = join(folder, "theirs.torrent")
    await new Program("mktorrent", ["-l", "15", "-t", "1", "-o", output, sample.path]).succeeded(20)
    expect(readTorrent(await readFile(output)).infoHash).toBe(created.infoHash)
  })
})

describeWith("a torrent that we create, and transmission-create", [transmissionCreate], () => {
  // Of any other it says that it is not private, which no other creator does.
  // And it puts files in another order where there are capital letters.
  it("have the same infohash when it is private", async () => {
    const { path } = await sampleOf(
      folder,
      "lower case",
      { "b.csv": 70_000, "a/c.csv": 1, "a.csv": 100_000 },
      32 * 1024,
    )
    const output = join(folder, "transmission.torrent")
    const tracker = "http://tracker.example/announce"
    await new Program("transmission-create", ["-p", "-t", tracker, "-s", "32", "-o", output, path]).succeeded(20)
    const options = ["--private", "--tracker", tracker, "--piece-length", "32K"]
    const { infoHash } = await academictorrents.create(path, join(folder, "private.torrent"), options)
    expect(readTorrent(await readFile(output)).infoHash).toBe(infoHash)
  })
})

for (const partner of [libtorrent, aria2]) {
  describeWith(`a torrent that we create, with ${partner.name}`, [partner], () => {
    it("is accepted, and its data fetched from us", async () => {
      const { torrentPath } = created
      const { dataDir, path, name } = sample
      const outDir = await mkdtemp(join(folder, "theirs-"))
      const giver = await academictorrents.seed({ torrentPath, dataDir })
      try {
        await partner.download({ torrentPath, outDir, peers: [giver], maxSeconds: 40 })
      } finally {
        await giver.stop()
      }
      expect(await differences(path, join(outDir, name))).toEqual([])
    })
  })
}
