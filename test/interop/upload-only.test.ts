import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, it } from "vitest"
import { netnsMissing, openNetns } from "../support/netns.js"
import { academictorrents, describeWith, libtorrent } from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"

const MiB = 1024 * 1024
const [OURS, SEED, EMPTY] = ["10.77.0.1", "10.77.0.2", "10.77.0.3"] as const

// Transmission 3.00 can't be asked: it hears "upload only" from those alone who also say their own address, which we don't.
describeWith("a partial seed (BEP 21)", [libtorrent, { missing: netnsMissing }], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-partial-"))
    sample = await sampleOf(folder, "set", { "a.bin": MiB, "b.bin": MiB }, 64 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("is one to libtorrent from when it wants nothing more, and a seed and it part", { timeout: 90_000 }, async () => {
    const { torrentPath, dataDir } = sample
    const netns = await openNetns([OURS, SEED, EMPTY])
    const closing: (() => Promise<void>)[] = [() => netns.close()]
    try {
      const seed = await libtorrent.seed({ torrentPath, dataDir, netns, host: SEED })
      closing.push(() => seed.stop())
      const nothing = await mkdtemp(join(folder, "nothing-"))
      const empty = await libtorrent.seed({ torrentPath, dataDir: nothing, netns, host: EMPTY, partial: true })
      closing.push(() => empty.stop())
      const ours = await academictorrents.get({
        ...{ torrentPath, outDir: await mkdtemp(join(folder, "ours-")), netns, host: OURS, peers: [seed, empty] },
        // In half a minute, so that it is there to be seen: who has got all of ours goes at once, and we speak after ten
        // seconds without a wish. The one that has nothing hears of the seed from nobody: it would have all at once, and go.
        options: ["--include", "a.bin", "--seed", "--max-upload=35K", "--no-pex"],
      })
      closing.push(() => ours.stop())
      await empty.program.until(/upload_only \S+ 0/, 20)
      await empty.program.until(/upload_only \S+ 1/, 30)
      // Whichever side is first: neither wants anything of the other.
      await ours.program.until(/peer: 10\.77\.0\.2:\d+: closed/, 20)
    } finally {
      for (const close of closing.reverse()) await close()
    }
  })
})
