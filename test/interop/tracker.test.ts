import { afterAll, beforeAll, expect, it } from "vitest"
import { endpointKey } from "../../src/bytes/endpoint-key.js"
import { toHex } from "../../src/bytes/hex.js"
import { NodeHttp } from "../../src/node/http.js"
import { createPlatform, type NodePlatform } from "../../src/node/platform.js"
import { Announcer } from "../../src/tracker/announcer.js"
import { TrackerClient } from "../../src/tracker/tracker-client.js"
import { parseTrackerUrl } from "../../src/tracker/tracker-url.js"
import { describeWith, opentracker, webtorrentTracker } from "../support/partners/index.js"

const HASHES = {
  http: Uint8Array.from({ length: 20 }, (_, at) => at * 7),
  udp: Uint8Array.from({ length: 20 }, (_, at) => 255 - at),
  both: new Uint8Array(20).fill(4),
  unlisted: new Uint8Array(20).fill(9),
}

/** A name for this machine with both its addresses, to HTTP. */
const BOTH = "both.lan"

let platform: NodePlatform
const clients: TrackerClient[] = []

beforeAll(() => {
  platform = createPlatform()
})

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await platform.close()
})

/** Each takes part for itself. */
function newClient(): TrackerClient {
  const http = new NodeHttp({
    lookup: async (name) => {
      if (name !== BOTH) throw new Error(`${name} is looked up`)
      return [
        { address: "127.0.0.1", family: 4 },
        { address: "::1", family: 6 },
      ]
    },
  })
  const client = new TrackerClient({ ...platform, http })
  clients.push(client)
  return client
}

/** Someone in the swarm at that port, and the peers that the tracker names to them. */
function join(url: string, infoHash: Uint8Array, port: number, left: number) {
  const peers: string[] = []
  const announcer = new Announcer({
    platform,
    client: newClient(),
    host: {
      stats: () => ({ uploaded: 0, downloaded: 0, left, port, numWant: 50 }),
      onPeers: (endpoints) => peers.push(...endpoints.map(endpointKey)),
    },
    trackers: [[url]],
    infoHash,
    peerId: platform.random.bytes(20),
    key: port,
    isPrivate: false,
  })
  announcer.start()
  return { announcer, peers }
}

const counts = (url: string, infoHash: Uint8Array) =>
  newClient()
    .scrape(parseTrackerUrl(url), infoHash, AbortSignal.timeout(10_000))
    .then((outcome) => (outcome.kind === "failed" ? outcome.message : [outcome.counts.seeds, outcome.counts.leechers]))

const working = ({ announcer }: ReturnType<typeof join>) =>
  expect.poll(() => announcer.status()[0]?.state).toBe("working")

describeWith("opentracker", [opentracker], () => {
  let tracker: Awaited<ReturnType<typeof opentracker.start>>

  beforeAll(async () => {
    tracker = await opentracker.start({ infoHashes: [HASHES.http, HASHES.udp, HASHES.both].map(toHex) })
  })

  afterAll(() => tracker.stop())

  for (const [how, infoHash, urlOf] of [
    ["http", HASHES.http, () => tracker.httpUrl],
    ["udp", HASHES.udp, () => tracker.udpUrl],
    // Debian's build has no IPv6.
    ["http, by a name whose IPv6 address leads nowhere", HASHES.both, () => tracker.httpUrl.replace("127.0.0.1", BOTH)],
  ] as const) {
    it(`brings a seed and a leecher together over ${how}, counts them, and forgets them when they stop`, async () => {
      const url = urlOf()
      const seed = join(url, infoHash, 40_001, 0)
      await working(seed)
      const leecher = join(url, infoHash, 40_002, 1_000)
      await expect.poll(() => leecher.peers).toContainEqual("127.0.0.1 40001")
      expect(leecher.announcer.status()[0]).toMatchObject({ state: "working", seeds: 1, leechers: 1 })
      expect(await counts(url, infoHash)).toEqual([1, 1])
      await seed.announcer.stop()
      expect(await counts(url, infoHash)).toEqual([0, 1])
      await leecher.announcer.stop()
    })
  }

  for (const protocol of ["http", "udp"] as const) {
    it(`says over ${protocol} that it does not serve a torrent`, async () => {
      const url = protocol === "http" ? tracker.httpUrl : tracker.udpUrl
      const { announcer } = join(url, HASHES.unlisted, 40_003, 1)
      await expect.poll(() => announcer.status()[0]?.state).toBe("failed")
      expect(announcer.status()[0]?.message).toMatch(/not authorized|may not serve/)
      expect(announcer.exhausted).toBe(true)
      await announcer.stop()
    })
  }
})

describeWith("a tracker of both address families", [webtorrentTracker], () => {
  it("knows us by both, names both to others, and forgets both when we stop", async () => {
    const tracker = await webtorrentTracker.start()
    try {
      const url = `http://${BOTH}:${tracker.port}/announce`
      const seed = join(url, HASHES.both, 40_001, 0)
      await working(seed)
      await expect.poll(() => counts(url, HASHES.both)).toEqual([2, 0])
      const leecher = join(url, HASHES.both, 40_002, 1_000)
      await expect.poll(() => leecher.peers).toContainEqual("127.0.0.1 40001")
      await expect.poll(() => leecher.peers).toContainEqual("::1 40001")
      await expect.poll(() => counts(url, HASHES.both)).toEqual([2, 2])
      seed.announcer.completed()
      await seed.announcer.stop()
      await leecher.announcer.stop()
      expect(await counts(url, HASHES.both)).toEqual([0, 0])
    } finally {
      await tracker.stop()
    }
  })
})
