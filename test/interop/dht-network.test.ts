import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type DhtBackbone, startDhtBackbone } from "../support/dht-backbone.js"
import { addAddresses, netnsMissing, openNetnsLan } from "../support/netns.js"
import { academictorrents, describeWith, libtorrent, transmission } from "../support/partners/index.js"
import type { Place } from "../support/places.js"
import { type Sample, sampleOf } from "../support/samples.js"
import { differences } from "../support/trees.js"

// One network of fifty of our nodes, eight of libtorrent's and two of Transmission's. Each of the three clients gives a torrent that
// it told to the network alone, and each gets those of the other two, of which it knows the infohash.

const CLIENTS = { ours: academictorrents, libtorrent, transmission }
type Client = keyof typeof CLIENTS
const NAMES = Object.keys(CLIENTS) as Client[]

/** Of a network clients ask few: each node has its own. */
const placesIn = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ host: `10.77.${first + i}.1`, port: 6881 }))
const NODES = { ours: placesIn(1, 50), libtorrent: placesIn(101, 8), transmission: placesIn(201, 2) }
const PLACES = { ours: "10.77.0.1", libtorrent: "10.77.100.1", transmission: "10.77.200.1" }

const maxSeconds = 150

describeWith("a DHT of three kinds of nodes", [libtorrent, transmission, { missing: netnsMissing }], () => {
  const closing: (() => Promise<void>)[] = []
  let folder: string
  let places: Record<Client, Place>
  let samples: Record<Client, Sample>
  let dht: DhtBackbone

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "interop-dht-network-"))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    const [ours, libtorrents, transmissions, idle] = await Promise.all(
      [...NAMES, "idle"].map((name) =>
        sampleOf(join(folder, name), `of ${name}`, { "a.bin": 300_000, "b.bin": 1 }, 32768),
      ),
    )
    samples = { ours: ours!, libtorrent: libtorrents!, transmission: transmissions! }

    const lan = await openNetnsLan(Object.values(PLACES))
    closing.push(() => lan.close())
    const placeOf = (name: Client): Required<Place> => ({
      host: PLACES[name],
      netns: lan.hosts[NAMES.indexOf(name)]!,
    })
    const all = { ours: placeOf("ours"), libtorrent: placeOf("libtorrent"), transmission: placeOf("transmission") }
    places = all
    for (const name of NAMES)
      await addAddresses(
        all[name].netns,
        NODES[name].map(({ host }) => `${host}/16`),
      )

    const lookFor = NAMES.map((name) => samples[name].infoHash)
    dht = await startDhtBackbone(NODES.ours, { netns: all.ours.netns, lookFor })
    closing.push(() => dht.stop())
    const { entry } = dht
    const common = { dht: entry, maxSeconds: 800 }
    const keep = async (starting: Promise<{ stop(): Promise<void> }>): Promise<void> => {
      const one = await starting
      closing.push(() => one.stop())
    }
    const { torrentPath, dataDir } = idle!
    await Promise.all([
      keep(startDhtBackbone(NODES.libtorrent, { netns: all.libtorrent.netns, of: "libtorrent", through: entry })),
      ...NODES.transmission.map((place) =>
        keep(transmission.seed({ ...common, torrentPath, dataDir, netns: all.transmission.netns, ...place })),
      ),
    ])
    await Promise.all(
      NAMES.map(async (name) => {
        const { torrentPath, dataDir, infoHash } = samples[name]
        await keep(CLIENTS[name].seed({ ...common, torrentPath, dataDir, ...all[name] }))
        await dht.found(infoHash)
      }),
    )
  }, 480_000)

  afterAll(async () => {
    for (const close of closing.reverse()) await close()
  })

  describe.concurrent("with a magnet link alone", () => {
    for (const getter of NAMES) {
      for (const giver of NAMES.filter((name) => name !== getter)) {
        const whose = { ours: "us", libtorrent: "libtorrent", transmission: "Transmission" }
        it(`${getter} finds ${whose[giver]}`, { timeout: 200_000 }, async () => {
          const { torrentPath, path, name } = samples[giver]
          const outDir = await mkdtemp(join(folder, "out-"))
          const job = { torrentPath, magnet: true, outDir, dht: dht.entry, maxSeconds, ...places[getter] }
          await CLIENTS[getter].download(job)
          expect(await differences(path, join(outDir, name))).toEqual([])
        })
      }
    }
  })
})
