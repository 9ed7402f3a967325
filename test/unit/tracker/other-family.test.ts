import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../../src/ports/net.js"
import { Announcer } from "../../../src/tracker/announcer.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { compact, FakeTrackers, type HttpReply, PEER_ID, type SeenRequest } from "./fake-trackers.js"

const HOUR = 3_600_000
const good: HttpReply = { answer: { interval: 1800, peers: compact("203.0.113.8:1000", "203.0.113.9:2000") } }
/** What the tracker says to who comes over IPv6: peers of that family. */
const good6: HttpReply = { answer: { interval: 1800, peers6: Uint8Array.from([0x20, 1, ...Array(14).fill(7), 4, 0]) } }
const PEER_6 = { host: "2001:707:707:707:707:707:707:707", port: 1024 }

function setUp(
  reply: HttpReply | ((request: SeenRequest) => HttpReply),
  { host = "both.example", torrents = 1, isPrivate = false } = {},
) {
  const fake = new FakeTrackers()
  fake.families("both.example", 4, 6)
  fake.families("four.example", 4)
  fake.families("six.example", 6)
  // Would it be asked over the other family, that would be seen.
  fake.families("203.0.113.5", 4, 6)
  fake.http(host, reply)
  const client = new TrackerClient(fake.platform)
  const peers: Endpoint[] = []
  const announcers = Array.from(
    { length: torrents },
    (_, torrent) =>
      new Announcer({
        platform: fake.platform,
        client,
        host: {
          stats: () => ({ uploaded: 0, downloaded: 0, left: 1, port: 6881, numWant: 100 }),
          onPeers: (endpoints) => peers.push(...endpoints),
        },
        trackers: [[`http://${host}/announce`]],
        infoHash: new Uint8Array(20).fill(torrent),
        peerId: PEER_ID,
        key: 7,
        isPrivate,
      }),
  )
  for (const announcer of announcers) announcer.start()
  const [announcer] = announcers as [Announcer, ...Announcer[]]
  const stop = () => fake.clock.runUntil(Promise.all(announcers.map((one) => one.stop())))
  /** "family event" of each request. */
  const said = (from = 0) => fake.seen.slice(from).map(({ family, event }) => `${family ?? "?"} ${event}`)
  return { fake, announcer, peers, stop, said }
}

const byFamily = ({ family }: SeenRequest) => (family === 6 ? good6 : good)

describe("an HTTP tracker whose name has addresses of both families", () => {
  it("hears all events over both (BEP 7), under one key, and its peers of either are taken", async () => {
    const { fake, announcer, peers, stop, said } = setUp(byFamily)
    await fake.clock.run(1_000)
    expect(said()).toEqual(["4 started", "6 started"])
    expect(peers).toHaveLength(3)
    expect(peers).toContainEqual(PEER_6)
    expect(announcer.status()[0]).toMatchObject({ state: "working", peersReceived: 3 })
    await fake.clock.run(2_000_000)
    announcer.completed()
    await fake.clock.run(1_000)
    await stop()
    expect(said(2)).toEqual(["4 none", "6 none", "4 completed", "6 completed", "4 stopped", "6 stopped"])
    expect(new Set(fake.seen.map(({ fields }) => fields.get("key"))).size).toBe(1)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("does so of a private torrent, too: it is one tracker", async () => {
    const { fake, stop, said } = setUp(byFamily, { isPrivate: true })
    await fake.clock.run(1_000)
    expect(said()).toEqual(["4 started", "6 started"])
    await stop()
  })

  it.each([
    ["refuses connections", "refused"],
    ["swallows packets", "silent"],
    ["says that it is not served", { answer: { "failure reason": "no IPv6 here", "retry in": "never" } }],
    ["answers 403", { body: new Uint8Array(0), status: 403 }],
    ["answers with nonsense", { body: new TextEncoder().encode("<html>") }],
  ] satisfies [string, HttpReply][])("works as ever where the other family %s", async (_name, bad) => {
    const { fake, announcer, peers, stop, said } = setUp(({ family }) => (family === 6 ? bad : good))
    await fake.clock.run(20_000)
    expect(announcer.status()[0]).toMatchObject({ state: "working", peersReceived: 2 })
    expect(announcer.status()[0]!.message).toBeUndefined()
    expect(announcer.exhausted).toBe(false)
    expect(peers).toHaveLength(2)
    await fake.clock.run(2_000_000)
    // It is left alone for an hour.
    expect(said()).toEqual(["4 started", "6 started", "4 none"])
    await fake.clock.run(2 * HOUR)
    expect(said().filter((one) => one.startsWith("6")).length).toBeGreaterThanOrEqual(2)
    const start = fake.clock.now()
    await stop()
    expect(fake.clock.now() - start).toBeLessThan(100)
    expect(said().filter((one) => one.endsWith("stopped"))).toEqual(["4 stopped"])
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("gets another chance at once over the family that has worked before", async () => {
    let works = true
    const { fake, stop, said } = setUp((request) => (request.family === 6 && !works ? "refused" : byFamily(request)))
    await fake.clock.run(1_000)
    works = false
    await fake.clock.run(2_000_000)
    works = true
    await fake.clock.run(2_000_000)
    expect(said()).toEqual(["4 started", "6 started", "4 none", "6 none", "4 none", "6 none"])
    await stop()
  })

  it("is asked for no more than the first announce when that fails", async () => {
    const { fake, announcer, stop, said } = setUp({ answer: { "failure reason": "not here" } })
    await fake.clock.run(10_000)
    expect(said()).toEqual(["4 started"])
    expect(announcer.status()[0]!.state).toBe("failed")
    await stop()
  })

  it("that wants to be left alone is, over both", async () => {
    const busy: HttpReply = { body: new Uint8Array(0), status: 429, headers: { "retry-after": "600" } }
    let isBusy = true
    const { fake, announcer, stop, said } = setUp((request) =>
      request.family === 6 && isBusy ? busy : byFamily(request),
    )
    await fake.clock.run(300_000)
    announcer.announceSoon()
    await fake.clock.run(200_000)
    expect(said()).toEqual(["4 started", "6 started"])
    isBusy = false
    await fake.clock.run(2_000_000)
    // The family was not to blame.
    expect(said().slice(-2)).toEqual(["4 none", "6 none"])
    await stop()
  })

  it("is tried over the other family once, not by each of many torrents, before it is known to lead anywhere", async () => {
    const { fake, stop, said } = setUp(({ family }) => (family === 6 ? "silent" : good), { torrents: 20 })
    await fake.clock.run(60_000)
    expect(said().filter((one) => one === "4 started")).toHaveLength(20)
    expect(said().filter((one) => one === "6 started")).toHaveLength(1)
    // And all have been announced as soon as if it were not there.
    expect(Math.max(...fake.seen.map(({ at }) => at))).toBeLessThan(10_000)
    await stop()
  })

  it("hears of all torrents over both families, still two at a time", async () => {
    const { fake, stop, said } = setUp(byFamily, { torrents: 20 })
    await fake.clock.run(60_000)
    expect(said().filter((one) => one === "4 started")).toHaveLength(20)
    expect(said().filter((one) => one === "6 started")).toHaveLength(20)
    const atATime = fake.seen.map(({ at }) => fake.seen.filter((other) => other.at <= at && at < other.at + 10).length)
    expect(Math.max(...atATime)).toBeLessThanOrEqual(2)
    await stop()
    expect(said().filter((one) => one.endsWith("stopped"))).toHaveLength(40)
  })

  it("hears a goodbye over a family that it was just told of, but is not waited for longer than a second", async () => {
    const { fake, stop, said } = setUp(({ family }) => (family === 6 ? "silent" : good))
    await fake.clock.run(100)
    await stop()
    expect(said()).toEqual(["4 started", "6 started", "4 stopped", "6 stopped"])
    expect(fake.clock.now()).toBe(1_100)
    expect(fake.processClock.pendingTimers).toBe(0)
  })
})

describe("an HTTP tracker is asked once", () => {
  it.each(["four.example", "six.example"])("that has addresses of one family alone (%s)", async (host) => {
    const { fake, stop, said } = setUp(good, { host })
    await fake.clock.run(10_000)
    expect(said()).toHaveLength(1)
    await stop()
    expect(said()).toHaveLength(2)
  })

  it("that a proxy leads to, which finds the addresses itself", async () => {
    const { fake, stop, said } = setUp(good, { host: "elsewhere.example" })
    await fake.clock.run(10_000)
    expect(said()).toEqual(["? started"])
    await stop()
  })

  it("whose address the torrent names", async () => {
    const { fake, stop, said } = setUp(good, { host: "203.0.113.5" })
    await fake.clock.run(10_000)
    expect(said()).toEqual(["4 started"])
    await stop()
  })
})
