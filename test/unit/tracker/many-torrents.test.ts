import { describe, expect, it } from "vitest"
import { Announcer } from "../../../src/tracker/announcer.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { compact, FakeTrackers, type HttpReply, PEER_ID, type SeenRequest } from "./fake-trackers.js"

const TORRENTS = 100
/** How long the tracker takes for an answer, ms. */
const AFTER = 400
const good: HttpReply = {
  answer: { interval: 1800, peers: compact("203.0.113.8:1000", "203.0.113.9:1") },
  after: AFTER,
}

/** Torrents that share their way to one tracker. */
function setUp(reply: HttpReply | ((request: SeenRequest) => HttpReply) = good) {
  const fake = new FakeTrackers()
  fake.http("a.example", reply)
  const client = new TrackerClient(fake.platform)
  const announcers = Array.from(
    { length: TORRENTS },
    (_, index) =>
      new Announcer({
        platform: fake.platform,
        client,
        host: { stats: () => ({ uploaded: 0, downloaded: 0, left: 1, port: 6881, numWant: 100 }), onPeers() {} },
        trackers: [["http://a.example/announce"]],
        infoHash: new Uint8Array(20).fill(index),
        peerId: PEER_ID,
        key: index,
        isPrivate: false,
      }),
  )
  const stop = () => fake.clock.runUntil(Promise.all(announcers.map((announcer) => announcer.stop())))
  /** Torrents that sent that event. */
  const tellers = (event: string) =>
    new Set(fake.seen.filter((request) => request.event === event).map(({ fields }) => fields.get("key"))).size
  return { fake, client, announcers, stop, tellers }
}

/** The most requests at a time, each of which takes `AFTER`. */
function mostAtATime(seen: readonly SeenRequest[]): number {
  return Math.max(...seen.map(({ at }) => seen.filter((other) => other.at <= at && at < other.at + AFTER).length))
}

describe("many torrents of one tracker", () => {
  it("announce two at a time, a quarter of a second apart, and all of them in the end", async () => {
    const { fake, announcers, stop, tellers } = setUp()
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(60_000)
    expect(tellers("started")).toBe(TORRENTS)
    expect(fake.seen).toHaveLength(TORRENTS)
    expect(mostAtATime(fake.seen)).toBe(2)
    for (let at = 2; at < TORRENTS - 3; at++) {
      expect(fake.seen[at]!.at - fake.seen[at - 1]!.at, `start ${at}`).toBeGreaterThanOrEqual(250)
    }
    expect(announcers.every((announcer) => announcer.status()[0]!.state === "working")).toBe(true)
    await stop()
  })

  it("are not without sources while they wait for their turn", async () => {
    const { fake, announcers, stop } = setUp({ ...good, after: 5_000 })
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(60_000)
    expect(announcers.at(-1)!.status()[0]!.state).toBe("announcing")
    expect(announcers.some((announcer) => announcer.exhausted)).toBe(false)
    await stop()
  })

  it("say goodbye two at a time without pauses", async () => {
    const { fake, announcers, stop, tellers } = setUp(({ event }) =>
      event === "stopped" ? { ...good, after: 50 } : good,
    )
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(60_000)
    const start = fake.clock.now()
    await stop()
    expect(fake.clock.now() - start).toBeLessThanOrEqual(TORRENTS * 25 + 10)
    expect(tellers("stopped")).toBe(TORRENTS)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("end at once while most of them wait for their first turn", async () => {
    const { fake, announcers, stop } = setUp()
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(2_000)
    const hellos = fake.seen.length
    await stop()
    expect(fake.clock.now()).toBeLessThan(2_000 + 5_001)
    expect(fake.seen.slice(hellos).every(({ event }) => event === "stopped")).toBe(true)
    expect(fake.seen.length).toBe(2 * hellos)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("end within five seconds though the tracker is silent", async () => {
    const { fake, announcers, stop, tellers } = setUp(({ event }) => (event === "stopped" ? "silent" : good))
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(60_000)
    const start = fake.clock.now()
    await stop()
    expect(fake.clock.now() - start).toBe(5_000)
    expect(tellers("stopped")).toBe(2)
    expect(fake.processClock.pendingTimers).toBe(0)
  })
})
