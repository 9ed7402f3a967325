import { afterAll, beforeAll, expect, it } from "vitest"
import { toHex } from "../../src/bytes/hex.js"
import { createPlatform, type NodePlatform } from "../../src/node/platform.js"
import type { Endpoint } from "../../src/ports/net.js"
import { Announcer } from "../../src/tracker/announcer.js"
import { TrackerClient } from "../../src/tracker/tracker-client.js"
import { parseTrackerUrl } from "../../src/tracker/tracker-url.js"
import { describeWith, opentracker } from "../support/partners/index.js"

const HASHES = {
  http: Uint8Array.from({ length: 20 }, (_, at) => at * 7),
  udp: Uint8Array.from({ length: 20 }, (_, at) => 255 - at),
  unlisted: new Uint8Array(20).fill(9),
}

describeWith("opentracker", [opentracker], () => {
  let tracker: Awaited<ReturnType<typeof opentracker.start>>
  let platform: NodePlatform
  let client: TrackerClient

  beforeAll(async () => {
    platform = createPlatform()
    client = new TrackerClient(platform)
    tracker = await opentracker.start({ infoHashes: [toHex(HASHES.http), toHex(HASHES.udp)] })
  })

  afterAll(async () => {
    await tracker.stop()
    await client.close()
    await platform.close()
  })

  /** Someone in the swarm at that port, and the first peers that the tracker names to them. */
  function join(url: string, infoHash: Uint8Array, port: number, left: number) {
    let found: (peers: readonly Endpoint[]) => void = () => {}
    const peers = new Promise<readonly Endpoint[]>((resolve) => {
      found = resolve
    })
    const announcer = new Announcer({
      platform,
      client,
      host: {
        stats: () => ({ uploaded: 0, downloaded: 0, left, port, numWant: 50 }),
        onPeers: (endpoints) => found(endpoints),
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
    client
      .scrape(parseTrackerUrl(url), infoHash, AbortSignal.timeout(10_000))
      .then((outcome) =>
        outcome.kind === "failed" ? outcome.message : [outcome.counts.seeds, outcome.counts.leechers],
      )

  for (const protocol of ["http", "udp"] as const) {
    it(`brings a seed and a leecher together over ${protocol}, counts them, and forgets them when they stop`, async () => {
      const url = protocol === "http" ? tracker.httpUrl : tracker.udpUrl
      const infoHash = HASHES[protocol]
      const seed = join(url, infoHash, 40_001, 0)
      await expect.poll(() => seed.announcer.status()[0]?.state).toBe("working")
      const leecher = join(url, infoHash, 40_002, 1_000)
      expect(await leecher.peers).toContainEqual({ host: "127.0.0.1", port: 40_001 })
      expect(leecher.announcer.status()[0]).toMatchObject({ state: "working", seeds: 1, leechers: 1 })
      expect(await counts(url, infoHash)).toEqual([1, 1])
      await seed.announcer.stop()
      expect(await counts(url, infoHash)).toEqual([0, 1])
      await leecher.announcer.stop()
    })

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
