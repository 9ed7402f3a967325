import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type DhtBackbone, nodesAt, startDhtBackbone } from "../support/dht-backbone.js"
import { netnsMissing, openNetns } from "../support/netns.js"
import { academictorrents, describeWith, libtorrent } from "../support/partners/index.js"
import type { Place } from "../support/places.js"
import { makeSample, type Sample, SHAPES, type ShapeName } from "../support/samples.js"
import { differences } from "../support/trees.js"

// Nobody names a peer and no tracker is asked: the parties find each other through the DHT alone. How we find other clients and
// they us is part of the matrix.

let folder: string
let sample: Sample

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interop-dht-"))
  sample = await makeSample(folder, Object.keys(SHAPES)[0] as ShapeName)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const limits = { timeout: 240_000 }

/** One of ours gives, another finds it. */
async function findEachOther(dht: DhtBackbone, { magnet = false, ...place }: Place & { magnet?: boolean }) {
  const { torrentPath, dataDir, path, name } = sample
  const giver = await academictorrents.seed({ torrentPath, dataDir, dht: dht.entry, ...place })
  try {
    await dht.announced()
    const outDir = await mkdtemp(join(folder, "ours-"))
    await academictorrents.download({ torrentPath, outDir, dht: dht.entry, magnet, maxSeconds: 60, ...place })
    expect(await differences(path, join(outDir, name))).toEqual([])
  } finally {
    await giver.stop()
  }
}

it.each([{ magnet: false }, { magnet: true }])(
  "two of ours find each other; with a magnet link alone: $magnet",
  limits,
  async ({ magnet }) => {
    const dht = await startDhtBackbone(nodesAt("127.0.0.1", 50))
    try {
      await findEachOther(dht, { magnet })
    } finally {
      await dht.stop()
    }
  },
)

describeWith("where all other nodes are libtorrent's", [libtorrent, { missing: netnsMissing }], () => {
  it("two of ours find each other", limits, async () => {
    // It knows one node a network, and none on loopback.
    const hosts = Array.from({ length: 10 }, (_, i) => `10.77.${i + 1}.1`)
    const host = "10.77.0.1"
    const netns = await openNetns([host, ...hosts])
    try {
      const places = hosts.map((node) => ({ host: node, port: 6881 }))
      const dht = await startDhtBackbone(places, { netns, of: "libtorrent" })
      try {
        await findEachOther(dht, { host, netns })
      } finally {
        await dht.stop()
      }
    } finally {
      await netns.close()
    }
  })
})
