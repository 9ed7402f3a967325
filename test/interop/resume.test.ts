import { cp, mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { lastProgress } from "../support/partners/academictorrents.js"
import { academictorrents, describeWith, libtorrent, type Partner, rtorrent } from "../support/partners/index.js"
import { type Relay, startRelay } from "../support/relay.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

const MiB = 1024 * 1024
const PIECE = 64 * 1024
const limits = { timeout: 90_000 }
const maxSeconds = 40

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-resume-"))
  sample = await sampleOf(folder, "half.bin", 4 * MiB + 4321, PIECE)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder in which one half of the data is right; zeros stand in place of the other. */
async function halfOf(which: "first" | "second"): Promise<string> {
  const dir = await mkdtemp(join(folder, "half-"))
  await cp(sample.path, join(dir, sample.name))
  const file = await open(join(dir, sample.name), "r+")
  await file.write(Buffer.alloc(2 * MiB), 0, 2 * MiB, which === "first" ? 2 * MiB : 0)
  await file.close()
  return dir
}

async function complaints(dir: string): Promise<string[]> {
  return differences(sample.path, join(dir, sample.name))
}

/** Runs a transfer whose giver stands behind a relay, and returns what the giver gave. */
async function bytesThrough(giver: { host: string; port: number }, transfer: (relay: Relay) => Promise<unknown>) {
  const relay = await startRelay(giver)
  try {
    await transfer(relay)
    return relay.bytesGiven
  } finally {
    await relay.close()
  }
}

const couples: readonly [Partner, Partner][] = [
  [libtorrent, rtorrent],
  [rtorrent, libtorrent],
]

describe.concurrent("what is there already", () => {
  describeWith("a get that was killed", [libtorrent], () => {
    it("goes on where it stopped", async () => {
      const { torrentPath, dataDir, length } = sample
      const outDir = await mkdtemp(join(folder, "killed-"))
      const source = await libtorrent.seed({ torrentPath, dataDir })
      try {
        const options = ["--max-download", "1M"]
        const first = await academictorrents.get({ torrentPath, outDir, peers: [source], options, maxSeconds })
        const done = (): number => lastProgress(first.program)?.doneBytes ?? 0
        try {
          await first.program.poll("half-way", () => done() > length / 3)
        } finally {
          await first.stop()
        }
        const kept = done()
        expect(kept).toBeLessThan(length)
        const given = await bytesThrough(source, (relay) =>
          academictorrents.download({ torrentPath, outDir, peers: [relay], maxSeconds }),
        )
        expect(given).toBeLessThan(length - kept + PIECE)
      } finally {
        await source.stop()
      }
      expect(await complaints(outDir)).toEqual([])
    })
  })

  for (const [first, second] of couples) {
    describeWith(`${first.name} with the first half and ${second.name} with the second`, [first, second], () => {
      it("complete us, and each other through us", limits, async ({ expect }) => {
        const { torrentPath } = sample
        const dirs = [await halfOf("first"), await halfOf("second"), await mkdtemp(join(folder, "between-"))] as const
        const left = await first.seed({ torrentPath, dataDir: dirs[0], partial: true })
        const right = await second.seed({ torrentPath, dataDir: dirs[1], partial: true })
        const options = ["--seed"]
        const between = await academictorrents.get({ torrentPath, outDir: dirs[2], peers: [left, right], options })
        try {
          const complaintsOfAll = async (): Promise<string[]> => (await Promise.all(dirs.map(complaints))).flat()
          await expect.poll(complaintsOfAll, { timeout: 40_000, interval: 250 }).toEqual([])
        } finally {
          await Promise.all([left, right, between].map((running) => running.stop()))
        }
      })
    })
  }
})
