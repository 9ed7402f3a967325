import { cp, mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, it } from "vitest"
import { netnsMissing, openNetnsLan } from "../support/netns.js"
import {
  academictorrents,
  aria2,
  deluge,
  describeWith,
  libtorrent,
  type Partner,
  qbittorrent,
  rtorrent,
  transmission,
  webtorrent,
} from "../support/partners/index.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Three hosts, each with every third piece: nobody has all, and each piece has one holder at first.

const MiB = 1024 * 1024
const PIECE = 64 * 1024
const HOSTS = ["10.77.0.1", "10.77.0.2", "10.77.0.3"] as const
const PORT = 6881
/** ms. Some try a peer that was not there at their first attempt again after a minute. */
const SWARM = 150_000
const LIMIT = { timeout: 240_000 }

const couples: readonly [Partner, Partner][] = [
  [libtorrent, transmission],
  [aria2, rtorrent],
  [qbittorrent, webtorrent],
  [deluge, webtorrent],
]

/** Who says that all is there when it has checked what it found, and how that is asked. The others say so of downloads alone. */
const ownCheck = new Map<Partner, "seed" | "download">([
  [libtorrent, "download"],
  [transmission, "seed"],
  [aria2, "seed"],
  [deluge, "download"],
  [webtorrent, "download"],
])

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-thirds-"))
  sample = await sampleOf(folder, "thirds.bin", 6 * MiB + 4321, PIECE)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A folder in which every third piece is right, from that one on; zeros stand in place of the others. */
async function thirdOf(first: number): Promise<string> {
  const dir = await mkdtemp(join(folder, "third-"))
  await cp(sample.path, join(dir, sample.name))
  const file = await open(join(dir, sample.name), "r+")
  for (let piece = 0; piece * PIECE < sample.length; piece++) {
    if (piece % HOSTS.length === first) continue
    const length = Math.min(PIECE, sample.length - piece * PIECE)
    await file.write(Buffer.alloc(length), 0, length, piece * PIECE)
  }
  await file.close()
  return dir
}

async function complaints(dir: string): Promise<string[]> {
  return differences(sample.path, join(dir, sample.name))
}

describe.concurrent("a swarm of three", () => {
  for (const [second, third] of couples) {
    describeWith(
      `we, ${second.name} and ${third.name}, a third of the pieces each`,
      [...[second, third], { missing: netnsMissing }],
      () => {
        it("complete each other", LIMIT, async ({ expect, onTestFinished }) => {
          const { torrentPath } = sample
          const lan = await openNetnsLan(HOSTS)
          onTestFinished(() => lan.close())
          const places = HOSTS.map((host, i) => ({ host, port: PORT, netns: lan.hosts[i]! }))
          const dirs = await Promise.all(HOSTS.map((_, i) => thirdOf(i)))
          const job = (i: number) => ({
            ...places[i]!,
            torrentPath,
            peers: places.filter((_, other) => other !== i).map(({ host, port }) => ({ host, port })),
            maxSeconds: SWARM / 1000,
          })
          const running = [
            await second.seed({ ...job(1), dataDir: dirs[1]!, partial: true }),
            await third.seed({ ...job(2), dataDir: dirs[2]!, partial: true }),
            await academictorrents.get({ ...job(0), outDir: dirs[0]!, options: ["--seed"] }),
          ]
          try {
            const all = async (): Promise<string[]> => (await Promise.all(dirs.map(complaints))).flat()
            await expect.poll(all, { timeout: SWARM, interval: 250 }).toEqual([])
          } finally {
            await Promise.all(running.map((one) => one.stop()))
          }
          for (const [i, partner] of [second, third].entries()) {
            const dir = dirs[i + 1]!
            const { peers: _, ...alone } = job(i + 1)
            if (ownCheck.get(partner) === "seed") await (await partner.seed({ ...alone, dataDir: dir })).stop()
            if (ownCheck.get(partner) === "download") await partner.download({ ...alone, outDir: dir, resume: true })
          }
          await (await academictorrents.seed({ ...job(0), dataDir: dirs[0]!, peers: [] })).stop()
        })
      },
    )
  }
})
