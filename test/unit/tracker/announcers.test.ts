import { describe, expect, it } from "vitest"
import { Announcers } from "../../../src/tracker/announcers.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { compact, FakeTrackers, INFO_HASH, PEER_ID } from "./fake-trackers.js"

/** A hybrid's other one. */
const INFO_HASH_V2 = INFO_HASH.map((byte) => byte ^ 0xff)
const escaped = (hash: Uint8Array): string => [...hash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")

describe("a torrent with two infohashes", () => {
  it("is announced under both, from started to stopped, and each tracker is shown once", async () => {
    const fake = new FakeTrackers()
    fake.http("a.example", {
      answer: { interval: 1800, complete: 4, incomplete: 5, peers: compact("203.0.113.8:1000") },
    })
    const client = new TrackerClient(fake.platform)
    const found: Uint8Array[] = []
    const announcers = new Announcers({
      platform: fake.platform,
      client,
      trackers: [["http://a.example/announce"]],
      infoHashes: [INFO_HASH, INFO_HASH_V2],
      hostOf: (infoHash) => ({
        stats: () => ({ uploaded: 0, downloaded: 0, left: 1, port: 6881, numWant: 10 }),
        onPeers: () => found.push(infoHash),
      }),
      peerId: PEER_ID,
      key: 7,
      isPrivate: false,
    })
    announcers.start()
    await fake.clock.run(5_000)
    expect(new Set(found)).toEqual(new Set([INFO_HASH, INFO_HASH_V2]))
    expect(announcers.status()).toMatchObject([{ state: "working", seeds: 4, leechers: 5, peersReceived: 2 }])
    announcers.completed()
    await fake.clock.run(1_000)
    await fake.clock.runUntil(announcers.stop())
    for (const event of ["started", "completed", "stopped"]) {
      const urls = fake.seen.map(({ url }) => url).filter((url) => url.includes(`event=${event}`))
      expect(urls).toHaveLength(2)
      for (const hash of [INFO_HASH, INFO_HASH_V2]) {
        expect(
          urls.some((url) => decoded(url) === escaped(hash)),
          event,
        ).toBe(true)
      }
    }
    await fake.clock.runUntil(client.close())
  })
})

/** The infohash in a URL, all of it escaped. */
function decoded(url: string): string {
  const value = /info_hash=([^&]*)/.exec(url)?.[1] ?? ""
  return value.replace(/%[0-9a-fA-F]{2}|./g, (part) =>
    part.length === 3 ? part.toLowerCase() : `%${part.charCodeAt(0).toString(16).padStart(2, "0")}`,
  )
}
