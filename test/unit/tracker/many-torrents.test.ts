import { describe, expect, it } from "vitest"
import { Announcer } from "../../../src/tracker/announcer.js"
import { HostLimiter } from "../../../src/tracker/host-limiter.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { compact, FakeTrackers, type HttpReply, PEER_ID, type SeenRequest } from "./fake-trackers.js"

const TORRENTS = 100
/** How long the tracker takes for an answer, ms. */
const AFTER = 400
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const good: HttpReply = {
  answer: { interval: 1800, peers: compact("203.0.113.8:1000", "203.0.113.9:1") },
  after: AFTER,
}

/** Torrents of four sessions that share their way to one tracker. */
function setUp(reply: HttpReply | ((request: SeenRequest) => HttpReply) = good, torrents = TORRENTS) {
  const fake = new FakeTrackers()
  fake.http("a.example", reply)
  const limiter = new HostLimiter(fake.clock)
  const clients = Array.from({ length: 4 }, () => new TrackerClient(fake.platform, limiter))
  const announcer = (torrent: number, session: number): Announcer =>
    new Announcer({
      platform: fake.platform,
      client: clients[session % clients.length]!,
      host: { stats: () => ({ uploaded: 0, downloaded: 0, left: 1, port: 6881, numWant: 100 }), onPeers() {} },
      trackers: [["http://a.example/announce"]],
      infoHash: new Uint8Array(20).fill(torrent, 0, 19).fill(torrent >> 8, 19),
      peerId: PEER_ID,
      key: torrent,
      isPrivate: false,
    })
  const announcers = Array.from({ length: torrents }, (_, index) => announcer(index, index))
  const stop = () => fake.clock.runUntil(Promise.all(announcers.map((announcer) => announcer.stop())))
  /** Torrents that sent that event. */
  const tellers = (event: string) =>
    new Set(fake.seen.filter((request) => request.event === event).map(({ fields }) => fields.get("key"))).size
  return { fake, announcers, announcer, stop, tellers }
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
    expect(announcers.at(-1)!.status()[0]!.state).toBe("queued")
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

  const tooMany = new TextEncoder().encode("too many requests")
  it.each([
    ["429 with Retry-After", { body: tooMany, status: 429, headers: { "retry-after": "600" } }],
    ["503 with Retry-After", { body: tooMany, status: 503, headers: { "retry-after": "600" } }],
  ] satisfies [string, HttpReply][])(
    "leave the tracker alone, all of them, that answers with %s",
    async (_name, no) => {
      let isOverloaded = true
      const { fake, announcers, stop, tellers } = setUp(() => (isOverloaded ? { ...no, after: 50 } : good))
      for (const announcer of announcers) announcer.start()
      await fake.clock.run(599_000)
      expect(fake.seen.length).toBeLessThanOrEqual(2)
      expect(announcers.every((announcer) => announcer.exhausted)).toBe(true)
      const { message, nextAnnounceIn } = announcers.at(-1)!.status()[0]!
      expect(message).toMatch(/^it wants to be left alone for \d+ s more$/)
      expect(nextAnnounceIn).toBeLessThan(65_000)
      isOverloaded = false
      await fake.clock.run(120_000)
      expect(tellers("started")).toBe(TORRENTS)
      await stop()
    },
  )

  it.each([
    ["`retry in` ten minutes (BEP 31)", { answer: { "failure reason": "overloaded", "retry in": "10" } }],
    ["`retry in` never", { answer: { "failure reason": "unknown torrent", "retry in": "never" } }],
  ] satisfies [string, HttpReply][])("ask each for itself a tracker that refuses with %s", async (_name, no) => {
    const { fake, announcers, stop } = setUp({ ...no, after: 50 })
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(60_000)
    expect(fake.seen).toHaveLength(TORRENTS)
    await stop()
  })

  it.each([403, 429])(
    "ask a tracker that always answers with %i no more often than one that is dead",
    async (status) => {
      let isForbidden = true
      const { fake, announcers, stop, tellers } = setUp(() => (isForbidden ? { body: tooMany, status } : good))
      for (const announcer of announcers) announcer.start()
      await fake.clock.run(24 * HOUR)
      expect(fake.seen.length).toBeLessThan(30)
      isForbidden = false
      await fake.clock.run(4 * HOUR)
      expect(tellers("started")).toBe(TORRENTS)
      expect(announcers.every((announcer) => announcer.status()[0]!.peersReceived > 0)).toBe(true)
      await stop()
    },
  )

  it("are announced though the tracker forbids some of them", async () => {
    const { fake, announcers, stop, tellers } = setUp(({ fields }) =>
      Number.parseInt(fields.get("key")!, 16) % 5 === 0 ? good : { body: tooMany, status: 403 },
    )
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(5 * MINUTE)
    expect(announcers.filter((announcer) => announcer.status()[0]!.state === "working")).toHaveLength(TORRENTS / 5)
    expect(tellers("started")).toBe(TORRENTS)
    await stop()
  })

  it.each([
    ["", {}],
    [" and says for how long", { "retry-after": "60" }],
  ])("stay known to a tracker that allows twice as many announces as they need%s", async (_name, headers) => {
    const torrents = 300
    const burst = 20
    const perSecond = (2 * torrents) / 1800
    let tokens = burst
    let last = 0
    const known = new Map<string, number>()
    const { fake, announcers, stop } = setUp(({ at, fields }) => {
      tokens = Math.min(tokens + ((at - last) / 1000) * perSecond, burst)
      last = at
      if (tokens < 1) return { body: tooMany, status: 429, headers, after: 50 }
      tokens--
      known.set(fields.get("key")!, at)
      return { ...good, after: 50 }
    }, torrents)
    for (const announcer of announcers) announcer.start()
    for (let hour = 1; hour <= 4; hour++) {
      await fake.clock.run(HOUR)
      const alive = [...known.values()].filter((at) => fake.clock.now() - at < 45 * MINUTE)
      expect(alive.length, `after ${hour} hours`).toBeGreaterThan(0.95 * torrents)
    }
    await stop()
  })

  it("keep their turns while the tracker is left alone for a minute, and end at once all the same", async () => {
    const { fake, announcers, stop } = setUp(({ at }) => (at < 1_000 ? good : { body: tooMany, status: 429 }))
    for (const announcer of announcers) announcer.start()
    await fake.clock.run(30_000)
    const asked = fake.seen.length
    expect(announcers.filter((announcer) => announcer.status()[0]!.state === "queued").length).toBeGreaterThan(90)
    await stop()
    expect(fake.clock.now()).toBe(30_000)
    expect(fake.seen).toHaveLength(asked)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("have what the tracker said of one of them obeyed by all who announce it", async () => {
    const { fake, announcers, announcer, stop } = setUp({
      answer: { "failure reason": "overloaded", "retry in": "10" },
    })
    announcers[0]!.start()
    await fake.clock.run(1_000)
    await stop()
    // Another session has the same torrent.
    const again = announcer(0, 1)
    again.start()
    await fake.clock.run(590_000)
    expect(fake.seen).toHaveLength(1)
    expect(again.status()[0]!.message).toMatch(/^it wants to be left alone for \d+ s more$/)
    await fake.clock.run(120_000)
    expect(fake.seen).toHaveLength(2)
    await fake.clock.runUntil(again.stop())
  })
})
