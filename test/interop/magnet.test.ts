import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { academictorrents, aria2, describeWith, libtorrent, rtorrent, transmission } from "../support/partners/index.js"
import { withPlaces } from "../support/places.js"
import { differences, makeTorrent, randomTree } from "../support/trees.js"

// Magnet links: whoever downloads has the infohash alone, and whoever seeds gives the metadata, too.

let folder: string
let data: string
let torrentPath: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-magnet-"))
  data = join(folder, "data")
  // Files with very long names: the metadata has three pieces, and the data is little.
  const names = Array.from({ length: 170 }, (_, i) => `${"a very long name ".repeat(12)}${i}.csv`)
  await randomTree(join(data, "set"), { ...Object.fromEntries(names.map((name) => [name, 100])), "a.bin": 500_000 })
  const torrent = await makeTorrent(join(data, "set"), { pieceLength: 16 * 1024, output: join(folder, "set.torrent") })
  torrentPath = torrent.torrentPath
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 90_000 }
const maxSeconds = 60

describe.concurrent("a magnet link", () => {
  for (const partner of [transmission, aria2, libtorrent, rtorrent]) {
    describeWith(`with ${partner.name}`, [partner], () => {
      it("is enough for us: metadata and data come from it", limits, () =>
        withPlaces(partner, async ({ ours, theirs }) => {
          const outDir = await mkdtemp(join(folder, "ours-"))
          const source = await partner.seed({ torrentPath, dataDir: data, ...theirs })
          try {
            await academictorrents.download({ torrentPath, magnet: true, outDir, peers: [source], maxSeconds, ...ours })
          } finally {
            await source.stop()
          }
          expect(await differences(join(data, "set"), join(outDir, "set"))).toEqual([])
        }),
      )

      it("is enough for it: metadata and data come from us", limits, () =>
        withPlaces(partner, async ({ ours, theirs }) => {
          const outDir = await mkdtemp(join(folder, "theirs-"))
          const source = await academictorrents.seed({ torrentPath, dataDir: data, ...ours })
          try {
            await partner.download({ torrentPath, magnet: true, outDir, peers: [source], maxSeconds, ...theirs })
          } finally {
            await source.stop()
          }
          expect(await differences(join(data, "set"), join(outDir, "set"))).toEqual([])
        }),
      )
    })
  }
})
