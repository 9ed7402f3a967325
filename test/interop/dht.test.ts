import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type DhtBackbone, startDhtBackbone } from "../support/dht-backbone.js"
import { academictorrents, describeWith, libtorrent, transmission } from "../support/partners/index.js"
import { withPlaces } from "../support/places.js"
import { makeSample, type Sample, SHAPES, type ShapeName } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Nobody names a peer and no tracker is asked: the parties find each other through the DHT alone, which is 50 nodes of
// ours and the parties' own.

const NODES = 50
let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-dht-"))
  sample = await makeSample(folder, Object.keys(SHAPES)[0] as ShapeName)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 240_000 }
const maxSeconds = 200

it("two of ours find each other", limits, async () => {
  const { torrentPath, dataDir, path, name } = sample
  const dht = await startDhtBackbone("127.0.0.1", NODES)
  try {
    const giver = await academictorrents.seed({ torrentPath, dataDir, dht: dht.entry })
    try {
      await announced(dht)
      const outDir = await mkdtemp(join(folder, "ours-"))
      await academictorrents.download({ torrentPath, outDir, dht: dht.entry, maxSeconds: 60 })
      expect(await differences(path, join(outDir, name))).toEqual([])
    } finally {
      await giver.stop()
    }
  } finally {
    await dht.stop()
  }
})

for (const partner of [libtorrent, transmission]) {
  describeWith(`through the DHT alone, with ${partner.name}`, [partner], () => {
    it("we find it", limits, () =>
      withPlaces(partner, async ({ ours, theirs }) => {
        const { torrentPath, dataDir, path, name } = sample
        const dht = await startDhtBackbone(ours.host ?? "127.0.0.1", NODES, ours.netns)
        try {
          const source = await partner.seed({ torrentPath, dataDir, dht: dht.entry, ...theirs })
          try {
            await announced(dht)
            const outDir = await mkdtemp(join(folder, "ours-"))
            await academictorrents.download({ torrentPath, outDir, dht: dht.entry, maxSeconds, ...ours })
            expect(await differences(path, join(outDir, name))).toEqual([])
          } finally {
            await source.stop()
          }
        } finally {
          await dht.stop()
        }
      }),
    )

    it("it finds us", limits, () =>
      withPlaces(partner, async ({ ours, theirs }) => {
        const { torrentPath, dataDir, path, name } = sample
        const dht = await startDhtBackbone(ours.host ?? "127.0.0.1", NODES, ours.netns)
        try {
          const giver = await academictorrents.seed({ torrentPath, dataDir, dht: dht.entry, ...ours })
          try {
            await announced(dht)
            const outDir = await mkdtemp(join(folder, "theirs-"))
            await partner.download({ torrentPath, outDir, dht: dht.entry, maxSeconds, ...theirs })
            expect(await differences(path, join(outDir, name))).toEqual([])
          } finally {
            await giver.stop()
          }
        } finally {
          await dht.stop()
        }
      }),
    )
  })
}

/** Somebody has told the nodes of the torrent. */
async function announced(dht: DhtBackbone): Promise<void> {
  await dht.program.until(/stored [1-9]/, 120)
}
