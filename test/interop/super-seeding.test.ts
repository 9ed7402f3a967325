import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { netnsMissing, openNetns } from "../support/netns.js"
import { lastProgress } from "../support/partners/academictorrents.js"
import {
  academictorrents,
  aria2,
  describeWith,
  libtorrent,
  type Partner,
  type Running,
  transmission,
} from "../support/partners/index.js"
import type { Address } from "../support/partners/partner.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const partners = [libtorrent, transmission, aria2]

describeWith("three other clients and us as their first seed", [...partners, { missing: netnsMissing }], () => {
  let folder: string
  let sample: Sample

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-super-"))
    sample = await sampleOf(folder, "set", { "a.bin": 5 * MiB, "b.bin": 3 * MiB + 12_345 }, 64 * 1024)
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("are completed with little more than one copy (BEP 16)", { timeout: 240_000 }, async () => {
    const { torrentPath, dataDir, path, name, length, pieceLength } = sample
    const pieces = Math.ceil(length / pieceLength)
    // aria2 listens at every address.
    const [us, ...others] = [1, 2, 3, 4].map((n) => ({ host: `10.77.0.${n}`, port: 6880 + n }))
    const everyone = [us!, ...others]
    const netns = await openNetns(everyone.map(({ host }) => host))
    const closing: (() => Promise<void>)[] = [() => netns.close()]
    try {
      const outDirs = new Map<Partner, string>()
      for (const partner of partners) outDirs.set(partner, await mkdtemp(join(folder, "out-")))
      const options = ["--super-seed", "--max-upload", "512K"]
      const seed = await academictorrents.seed({ torrentPath, dataDir, netns, ...us!, options })
      closing.push(() => seed.stop())
      const start = async (partner: Partner, place: Address): Promise<Running> => {
        const peers = everyone.filter((peer) => peer !== place)
        const running = await partner.seed({
          ...{ torrentPath, dataDir: outDirs.get(partner)!, netns, ...place, peers },
          ...{ partial: true, maxSeconds: 180 },
        })
        closing.push(() => running.stop())
        return running
      }
      const [first] = await Promise.all(partners.map((partner, index) => start(partner, others[index]!)))
      const copies = [...outDirs.values()].map((outDir) => join(outDir, name))
      const complete = async (): Promise<boolean> => {
        // What is not there at all is an error.
        const found = await Promise.all(copies.map((copy) => differences(path, copy).catch(() => ["nothing"])))
        return found.flat().length === 0
      }
      await expect.poll(complete, { timeout: 150_000, interval: 1000 }).toBe(true)
      expect(lastProgress(seed.program)!.uploaded / length).toBeLessThan(1.6)
      // An ordinary seed has all pieces at once: libtorrent saw us get them one by one.
      const seen = [...first!.program.output.matchAll(/^has 10\.77\.0\.1 (\d+)$/gm)].map(([, count]) => Number(count))
      expect(seen.filter((count) => count > 0 && count < pieces).length).toBeGreaterThan(pieces / 10)
    } finally {
      for (const close of closing.reverse()) await close()
    }
  })
})
