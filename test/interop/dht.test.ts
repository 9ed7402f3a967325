import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { nodesAt, startDhtBackbone } from "../support/dht-backbone.js"
import { academictorrents } from "../support/partners/index.js"
import { makeSample, type Sample, SHAPES, type ShapeName } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Nobody names a peer and no tracker is asked: the parties find each other through the DHT alone, which is 50 nodes of
// ours.

const NODES = 50
let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-dht-"))
  sample = await makeSample(folder, Object.keys(SHAPES)[0] as ShapeName)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 240_000 }

it.each([{ magnet: false }, { magnet: true }])(
  "two of ours find each other; with a magnet link alone: $magnet",
  limits,
  async ({ magnet }) => {
    const { torrentPath, dataDir, path, name } = sample
    const dht = await startDhtBackbone(nodesAt("127.0.0.1", NODES))
    try {
      const giver = await academictorrents.seed({ torrentPath, dataDir, dht: dht.entry })
      try {
        await dht.announced()
        const outDir = await mkdtemp(join(folder, "ours-"))
        await academictorrents.download({ torrentPath, outDir, dht: dht.entry, magnet, maxSeconds: 60 })
        expect(await differences(path, join(outDir, name))).toEqual([])
      } finally {
        await giver.stop()
      }
    } finally {
      await dht.stop()
    }
  },
)
