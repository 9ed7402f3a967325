import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  academictorrents,
  aria2,
  describeWith,
  libtorrent,
  type Opentracker,
  opentracker,
  rtorrent,
  transmission,
} from "../support/partners/index.js"
import { withPlaces } from "../support/places.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

// opentracker alone tells the built command and its partners of each other.

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-tracker-"))
  sample = await sampleOf(folder, "set", { "a.bin": 700_000, "sub/b.csv": 123_457 }, 32 * 1024)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

// aria2 talks to UDP trackers only together with its DHT, which would leave the machine.
const cells = [
  { partner: libtorrent, protocols: ["HTTP", "UDP"] },
  { partner: aria2, protocols: ["HTTP"] },
  { partner: rtorrent, protocols: ["HTTP", "UDP"] },
  { partner: transmission, protocols: ["HTTP", "UDP"] },
] as const

function urlOf(server: Opentracker, protocol: "HTTP" | "UDP"): string {
  return protocol === "HTTP" ? server.httpUrl : server.udpUrl
}

const limits = { timeout: 90_000 }
const maxSeconds = 60

describe.concurrent("by a tracker alone", () => {
  for (const { partner, protocols } of cells) {
    describeWith(`opentracker between us and ${partner.name}`, [opentracker, partner], () => {
      for (const protocol of protocols) {
        it(`lets us find them by ${protocol}`, limits, () =>
          withPlaces(partner, async (places) => {
            const { torrentPath, infoHash, dataDir, path, name } = sample
            const outDir = await mkdtemp(join(folder, "ours-"))
            const server = await opentracker.start({ infoHashes: [infoHash], ...places.ours })
            const tracker = urlOf(server, protocol)
            const source = await partner.seed({ torrentPath, dataDir, tracker, ...places.theirs })
            try {
              await server.seeded(infoHash)
              await academictorrents.download({ torrentPath, outDir, tracker, maxSeconds, ...places.ours })
            } finally {
              await source.stop()
              await server.stop()
            }
            expect(await differences(path, join(outDir, name))).toEqual([])
          }),
        )

        it(`lets them find us by ${protocol}`, limits, () =>
          withPlaces(partner, async (places) => {
            const { torrentPath, infoHash, dataDir, path, name } = sample
            const outDir = await mkdtemp(join(folder, "theirs-"))
            const server = await opentracker.start({ infoHashes: [infoHash], ...places.ours })
            const tracker = urlOf(server, protocol)
            const giver = await academictorrents.seed({ torrentPath, dataDir, tracker, ...places.ours })
            try {
              await server.seeded(infoHash)
              await partner.download({ torrentPath, outDir, tracker, maxSeconds, ...places.theirs })
            } finally {
              await giver.stop()
              await server.stop()
            }
            expect(await differences(path, join(outDir, name))).toEqual([])
          }),
        )
      }
    })
  }
})
