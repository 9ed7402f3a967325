import { describe, expect, it } from "vitest"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { type BencodeInput, encode } from "../../../src/metainfo/bencode.js"
import type { Endpoint } from "../../../src/ports/net.js"
import type { AnnounceStats } from "../../../src/tracker/announce.js"
import { Announcer } from "../../../src/tracker/announcer.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { compact, FakeTrackers, type HttpReply, INFO_HASH, PEER_ID, type SeenRequest } from "./fake-trackers.js"

const PEERS = compact("203.0.113.8:1000", "203.0.113.9:2000")
const good: { answer: BencodeInput } = { answer: { interval: 1800, complete: 4, incomplete: 5, peers: PEERS } }
const empty0 = new Uint8Array(0)
const empty: { answer: BencodeInput } = { answer: { interval: 1800, peers: "" } }

const url = (host: string): string => `http://${host}/announce`

interface Options {
  isPrivate?: boolean
  stats?: Partial<AnnounceStats>
}

function setUp(tiers: readonly (readonly string[])[], { isPrivate = false, stats = {} }: Options = {}) {
  const fake = new FakeTrackers()
  const state = { uploaded: 1, downloaded: 2, left: 100, port: 6881, numWant: 100, ...stats }
  const peers: { from: string; at: number; endpoints: readonly Endpoint[] }[] = []
  const external: string[] = []
  const client = new TrackerClient(fake.platform)
  const announcer = new Announcer({
    platform: fake.platform,
    client,
    host: {
      stats: () => ({ ...state }),
      onPeers: (endpoints, from) => peers.push({ from, at: fake.clock.now(), endpoints }),
      onExternalAddress: (host) => external.push(host),
    },
    trackers: tiers.map((tier) => tier.map((tracker) => (tracker.includes("://") ? tracker : url(tracker)))),
    infoHash: INFO_HASH,
    peerId: PEER_ID,
    key: 7,
    isPrivate,
  })
  const hosts = () => fake.seen.map(({ host }) => host)
  return { fake, client, announcer, state, peers, external, hosts }
}

describe("an announcer", () => {
  it("says started, comes back at the interval, says completed once, and stopped at the end", async () => {
    const { fake, announcer, state, peers } = setUp([["a.example"]])
    fake.http("a.example", good)
    announcer.start()
    await fake.clock.run(1_000)
    expect(peers[0]?.endpoints).toEqual([
      { host: "203.0.113.8", port: 1000 },
      { host: "203.0.113.9", port: 2000 },
    ])
    await fake.clock.run(2_000_000)
    state.left = 0
    announcer.completed()
    announcer.completed()
    await fake.clock.run(1_000)
    await fake.clock.runUntil(announcer.stop())
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "none", "completed", "stopped"])
    expect(fake.seen[1]!.at).toBeGreaterThanOrEqual(1_800_000)
    expect(fake.seen[1]!.at).toBeLessThanOrEqual(1_980_100)
    expect(fake.seen[2]!.fields.get("left")).toBe("0")
    expect(fake.seen.every(({ fields }) => fields.get("key") === "00000007")).toBe(true)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("never says completed of what was complete at the start", async () => {
    const { fake, announcer } = setUp([["a.example"]], { stats: { left: 0 } })
    fake.http("a.example", good)
    announcer.start()
    await fake.clock.run(1_000)
    announcer.completed()
    await fake.clock.run(1_000)
    expect(fake.events("a.example")).toEqual(["0 started"])
    await fake.clock.runUntil(announcer.stop())
  })

  it("says completed after the answer when it happened in between, and not to trackers that did not know us", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example"]])
    fake.http("a.example", { ...good, after: 500 })
    announcer.start()
    await fake.clock.run(100)
    announcer.completed()
    await fake.clock.run(5_000)
    expect(fake.events("a.example")).toEqual(["0 started", "500 completed"])
    expect(fake.events("b.example")).toEqual([])
    await fake.clock.runUntil(announcer.stop())
  })

  it("tells a tracker soon after its answer that we have moved while it was asked", async () => {
    const { fake, announcer, state } = setUp([["a.example"]])
    fake.http("a.example", { ...good, after: 500 })
    announcer.start()
    await fake.clock.run(100)
    state.port = 40_001
    announcer.moved(true)
    await fake.clock.run(60_000)
    expect(fake.events("a.example")).toEqual(["0 started", "15000 none"])
    expect(fake.seen[1]!.fields.get("port")).toBe("40001")
    await fake.clock.runUntil(announcer.stop())
  })

  it("does not say completed to a tracker that never knew us incomplete", async () => {
    const { fake, announcer, state } = setUp([["a.example"]])
    fake.http("a.example", ({ at }) => (at === 0 ? { body: empty0, status: 500, after: 500 } : good))
    announcer.start()
    await fake.clock.run(100)
    state.left = 0
    announcer.completed()
    await fake.clock.run(60_000)
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "started"])
    await fake.clock.runUntil(announcer.stop())
  })

  it("starts again with started until a tracker has answered it", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", ({ at }) => (at < 30_000 ? "refused" : good))
    announcer.start()
    await fake.clock.run(120_000)
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "started", "started"])
    await fake.clock.runUntil(announcer.stop())
  })

  it("gives a tracker its id back, and passes on its warning and our address", async () => {
    const { fake, announcer, external } = setUp([["a.example"]])
    const address = Uint8Array.from([203, 0, 113, 77])
    fake.http("a.example", {
      answer: { interval: 1800, peers: PEERS, "tracker id": "id1", "warning message": "old", "external ip": address },
    })
    announcer.start()
    await fake.clock.run(2_000_000)
    expect(fake.seen.map(({ fields }) => fields.get("trackerid"))).toEqual([null, "id1"])
    expect(announcer.status()[0]).toMatchObject({ state: "working", message: "old", peersReceived: 4 })
    expect(external[0]).toBe("203.0.113.77")
    await fake.clock.runUntil(announcer.stop())
  })
})

describe("a partial seed", () => {
  it("is known to a tracker that refuses what is said of it (BEP 21), and says so no more there", async () => {
    const { fake, announcer } = setUp([["strict.example"]], { stats: { partialSeed: true } })
    const known = ["none", "started", "completed", "stopped"]
    const peers = new Set<string>()
    fake.http("strict.example", ({ event, fields }) => {
      if (!known.includes(event)) return { answer: { "failure reason": "failed to provide valid client event" } }
      if (event === "stopped") peers.clear()
      else peers.add(fields.get("port")!)
      return good
    })
    announcer.start()
    for (let round = 0; round < 100; round++) {
      await fake.clock.run(60_000)
      expect(announcer.status()[0]!.state).toBe("working")
      expect(peers.size).toBe(1)
    }
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "paused", "none", "none", "none"])
    expect(fake.seen[2]!.at - fake.seen[1]!.at).toBeLessThan(100)
    await fake.clock.runUntil(announcer.stop())
    expect(peers.size).toBe(0)
  })

  it("goes on saying so to a tracker that refuses it for another reason, or fails", async () => {
    const { fake, announcer } = setUp([["a.example"]], { stats: { partialSeed: true } })
    let no: HttpReply | undefined
    fake.http("a.example", () => no ?? good)
    announcer.start()
    await fake.clock.run(1_000)
    no = { answer: { "failure reason": "not authorized" } }
    await fake.clock.runUntil(() => fake.seen.length === 3)
    no = { body: empty0, status: 500 }
    await fake.clock.runUntil(() => fake.seen.length === 4)
    no = undefined
    await fake.clock.runUntil(() => fake.seen.length === 6)
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "paused", "none", "paused", "paused", "paused"])
    await fake.clock.runUntil(announcer.stop())
  })
})

describe("tiers of a public torrent", () => {
  it("stay unasked while the first has peers", async () => {
    const { fake, announcer, hosts } = setUp([["a.example"], ["b.example"]])
    fake.http("a.example", good)
    announcer.start()
    await fake.clock.run(60_000)
    expect(hosts()).toEqual(["a.example"])
    await fake.clock.runUntil(announcer.stop())
  })

  it.each([
    ["at once when the first failed", "refused" as const, 0, 100],
    ["after 3 s when the first is silent", "silent" as const, 3_000, 3_000],
    ["at once when the first has no peers", empty, 0, 100],
    [
      "at once when the first names but ourselves",
      { answer: { interval: 60, peers: compact("203.0.113.1:6881") } },
      0,
      100,
    ],
    ["at once when the first says no", { answer: { "failure reason": "unregistered torrent" } }, 0, 100],
  ])("are asked %s", async (_, first, from, to) => {
    const { fake, announcer, peers } = setUp([["a.example"], ["b.example"], ["c.example"]])
    fake.http("a.example", first)
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(10_000)
    expect(peers.map((answer) => answer.from)).toContain(url("b.example"))
    const asked = fake.seen.find(({ host }) => host === "b.example")!.at
    expect(asked).toBeGreaterThanOrEqual(from)
    expect(asked).toBeLessThanOrEqual(to)
    expect(fake.events("c.example")).toEqual([])
    await fake.clock.runUntil(announcer.stop())
  })

  it("are not asked for an empty answer by someone who wants no peers", async () => {
    const { fake, announcer, hosts } = setUp([["a.example"], ["b.example"]], { stats: { numWant: 0 } })
    fake.http("a.example", empty)
    announcer.start()
    await fake.clock.run(10_000)
    expect(hosts()).toEqual(["a.example"])
    await fake.clock.runUntil(announcer.stop())
  })

  it("are asked when peers are wanted, and their trackers no sooner than they allow", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example"]])
    fake.http("a.example", { answer: { interval: 1800, "min interval": 60, peers: PEERS } })
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(10_000)
    for (let tick = 0; tick < 1_000; tick++) {
      announcer.announceSoon()
      await fake.clock.run(250)
    }
    const times = fake.seen.filter(({ host }) => host === "a.example").map(({ at }) => Math.round(at / 1000))
    expect(times).toEqual([0, 60, 180])
    expect(fake.events("b.example")[0]).toBe("10000 started")
    await fake.clock.runUntil(announcer.stop())
  })

  it("are asked anew when peers came to be wanted while they were asked for none", async () => {
    const { fake, announcer, state } = setUp([["a.example"]], { stats: { numWant: 0 } })
    fake.http("a.example", { answer: { interval: 1800, "min interval": 60, peers: PEERS } })
    announcer.start()
    state.numWant = 100
    announcer.announceSoon()
    await fake.clock.run(200_000)
    expect(fake.seen.map(({ at, fields }) => `${Math.round(at / 1000)} s: ${fields.get("numwant")}`)).toEqual([
      "0 s: 0",
      "60 s: 100",
    ])
    await fake.clock.runUntil(announcer.stop())
  })

  it("get their time to be of use before peers are wanted from the next", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example"], ["c.example"]])
    for (const host of ["a.example", "b.example", "c.example"]) fake.http(host, good)
    announcer.start()
    for (let tick = 0; tick < 20; tick++) {
      announcer.announceSoon()
      await fake.clock.run(250)
    }
    expect(fake.seen.map(({ host, at }) => `${at} ${host}`)).toEqual(["0 a.example", "3000 b.example"])
    await fake.clock.runUntil(announcer.stop())
  })

  it("reach one that works through any number of dead ones, and dead ones are left alone more and more", async () => {
    const dead = Array.from({ length: 20 }, (_, at) => [`d${at}.example`])
    const { fake, announcer, peers } = setUp([...dead, ["a.example"]])
    fake.http("a.example", good)
    announcer.start()
    await fake.clock.run(3_600_000)
    expect(peers[0]!.at).toBeLessThan(1_000)
    expect(fake.events("d0.example").length).toBe(6)
    await fake.clock.runUntil(announcer.stop())
  })

  it("ask a tier's trackers one after the other, and stay with the one that answers", async () => {
    const tier = ["a.example", "b.example", "c.example"]
    const { fake, announcer, hosts } = setUp([tier, ["z.example"]])
    const order: string[] = []
    for (const host of tier) fake.http(host, () => (order.push(host) < 3 ? "refused" : good))
    announcer.start()
    await fake.clock.run(1_000)
    expect([...hosts()].sort()).toEqual(tier)
    const working = order[2]!
    expect(announcer.status()[0]).toMatchObject({ url: url(working), state: "working", seeds: 4, leechers: 5 })
    await fake.clock.run(7_200_000)
    expect(new Set(hosts().slice(3))).toEqual(new Set([working]))
    await fake.clock.runUntil(announcer.stop())
  })

  it("shuffle inside a tier, so that all of its trackers get their share", async () => {
    const firsts = new Set<string>()
    const { fake, client } = setUp([])
    for (let round = 0; round < 50; round++) {
      const announcer = new Announcer({
        platform: fake.platform,
        client,
        host: { stats: () => ({ uploaded: 0, downloaded: 0, left: 1, port: 1, numWant: 1 }), onPeers() {} },
        trackers: [[url("a.example"), url("b.example"), url("c.example")]],
        infoHash: INFO_HASH,
        peerId: PEER_ID,
        key: 7,
        isPrivate: false,
      })
      firsts.add(announcer.status()[0]!.url)
    }
    expect(firsts.size).toBe(3)
  })

  it("stay with the quicker of two that answer, and keep the other in reserve", async () => {
    const { fake, announcer } = setUp([["a.example", "b.example"]])
    let slow = ""
    let down = ""
    const reply = ({ host }: SeenRequest) => {
      slow ||= host
      if (host === down) return "refused"
      return { answer: { interval: host === slow ? 3600 : 300, peers: PEERS }, after: host === slow ? 8_000 : 10 }
    }
    fake.http("a.example", reply)
    fake.http("b.example", reply)
    announcer.start()
    await fake.clock.run(600_000)
    const quick = slow === "a.example" ? "b.example" : "a.example"
    expect(fake.seen.map(({ host }) => host)).toEqual([slow, quick, quick])
    down = quick
    await fake.clock.runUntil(() => fake.seen.length === 5)
    expect(fake.seen[3]!.host).toBe(quick)
    expect(fake.seen[4]!.host).toBe(slow)
    expect(fake.seen[4]!.at - fake.seen[3]!.at).toBeLessThan(100)
    await fake.clock.runUntil(announcer.stop())
  })

  it("fall back to the tier's others when the one that worked fails later", async () => {
    const { fake, announcer, peers } = setUp([["a.example", "b.example"]])
    let down = ""
    const reply = ({ host }: SeenRequest) => (host === down ? ("refused" as const) : good)
    fake.http("a.example", reply)
    fake.http("b.example", reply)
    announcer.start()
    await fake.clock.run(1_000)
    down = fake.seen[0]!.host
    await fake.clock.run(2_000_000)
    expect(peers).toHaveLength(2)
    expect(peers[1]!.from).not.toBe(peers[0]!.from)
    await fake.clock.runUntil(announcer.stop())
  })
})

describe("a private torrent", () => {
  it("uses one tracker at a time and goes on only when it fails", async () => {
    const { fake, announcer, hosts } = setUp([["a.example"], ["b.example"], ["c.example"]], { isPrivate: true })
    fake.http("a.example", "silent")
    fake.http("b.example", empty)
    announcer.start()
    await fake.clock.run(29_000)
    expect(hosts()).toEqual(["a.example"])
    await fake.clock.run(2_000)
    expect(hosts()).toEqual(["a.example", "b.example"])
    for (let tick = 0; tick < 100; tick++) {
      announcer.announceSoon()
      await fake.clock.run(10_000)
    }
    expect(new Set(hosts().slice(1))).toEqual(new Set(["b.example"]))
    await fake.clock.runUntil(announcer.stop())
  })

  it("says goodbye to none but those it said hello to", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example"]], { isPrivate: true })
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(1_000)
    await fake.clock.runUntil(announcer.stop())
    expect(fake.events("a.example")).toEqual(["0 started"])
    expect(fake.seen.at(-1)).toMatchObject({ host: "b.example", event: "stopped" })
  })
})

describe("an announcer that goes on for the torrent whose metadata was fetched", () => {
  const goOn = ({ announcer, state, peers }: ReturnType<typeof setUp>, { isPrivate = false, left = 5_000 } = {}) => {
    const host = {
      stats: () => ({ ...state, left }),
      onPeers: (endpoints: readonly Endpoint[], from: string) =>
        peers.push({ from: `torrent ${from}`, at: 0, endpoints }),
    }
    announcer.inherit({ host, trackers: [[url("a.example")], [url("b.example")]], isPrivate })
    announcer.start()
  }

  it("tells those who know us what is left, as soon as they allow, and starts with those who do not", async () => {
    const scene = setUp([["a.example"]])
    const { fake, announcer } = scene
    fake.http("a.example", { answer: { interval: 1800, "min interval": 60, "tracker id": "id1", peers: "" } })
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(10_000)
    goOn(scene)
    await fake.clock.run(70_000)
    expect(fake.events("a.example")).toEqual(["0 started", "60010 none"])
    expect(fake.seen.filter(({ host }) => host === "a.example").map(({ fields }) => fields.get("left"))).toEqual([
      "100",
      "5000",
    ])
    expect(fake.events("b.example")).toEqual([expect.stringMatching(/ started$/)])
    await fake.clock.runUntil(announcer.stop())
    expect(fake.seen.at(-1)!.event).toBe("stopped")
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("hears what is answered to an announce under way", async () => {
    const scene = setUp([["a.example"]])
    const { fake, announcer, peers } = scene
    fake.http("a.example", { answer: { interval: 1800, "min interval": 60, peers: PEERS }, after: 500 })
    announcer.start()
    await fake.clock.run(100)
    goOn(scene)
    await fake.clock.run(70_000)
    expect(fake.events("a.example")).toEqual(["0 started", "60500 none"])
    expect(peers.map(({ from }) => from)).toEqual(Array(2).fill(`torrent ${url("a.example")}`))
    await fake.clock.runUntil(announcer.stop())
  })

  it("goes on with one of its trackers, if that is private (BEP 27), and leaves no other behind", async () => {
    const scene = setUp([["a.example"], ["b.example"]])
    const { fake, announcer } = scene
    fake.http("a.example", empty)
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(10_000)
    goOn(scene, { isPrivate: true })
    await fake.clock.run(4_000_000)
    const asked = new Set(fake.seen.filter(({ event }) => event === "none").map(({ host }) => host))
    expect(asked.size).toBe(1)
    await fake.clock.runUntil(announcer.stop())
    expect(fake.seen.slice(-2).map(({ host, event }) => `${host} ${event}`)).toEqual([
      "a.example stopped",
      "b.example stopped",
    ])
  })
})

describe("failures of trackers", () => {
  it.each([
    ["429 with Retry-After", { body: empty0, status: 429, headers: { "retry-after": "700" } }, 700, "HTTP status 429"],
    [
      "503 with a date",
      { body: empty0, status: 503, headers: { "retry-after": "Thu, 01 Jan 2026 00:15:00 GMT" } },
      900,
      "HTTP status 503",
    ],
    [
      "429 with a date that is over",
      { body: empty0, status: 429, headers: { "retry-after": "Thu, 01 Jan 2015 00:15:00 GMT" } },
      300,
      "HTTP status 429",
    ],
    ["403 without a word", { body: encodeUtf8("<html>bot?</html>"), status: 403 }, 300, "HTTP status 403"],
    ["500", { body: encodeUtf8("oops"), status: 500 }, 20, "HTTP status 500"],
    ["404 with a reason", { body: encode({ "failure reason": "gone" }), status: 404 }, 20, "gone"],
    ["a refusal with `retry in`", { answer: { "failure reason": "busy", "retry in": 10 } }, 600, "busy"],
    [
      "a gzip answer",
      { body: new Uint8Array(20), headers: { "content-encoding": "gzip" } },
      20,
      "the answer is compressed with gzip, which was not asked for",
    ],
    ["an endless answer", { body: new Uint8Array(3 << 20) }, 20, "the answer is longer than 1 MiB"],
    ["no answer", "silent" as const, 50, "no complete answer within 30 s"],
  ])("are told, and retried when they may be: %s", async (_, reply, seconds, message) => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", ({ at }) => (at < 1_000 ? reply : good))
    announcer.start()
    await fake.clock.run(seconds * 1_000 - 500)
    expect(announcer.status()[0]).toMatchObject({ state: "failed", message })
    expect(fake.seen).toHaveLength(1)
    await fake.clock.run(seconds * 100 + 1_000)
    expect(fake.seen).toHaveLength(2)
    await fake.clock.runUntil(announcer.stop())
  })

  it.each([403, 429])("that refuse us with %i are asked no more often than dead ones", async (status) => {
    const { fake, announcer } = setUp([["a.example"], ["dead.example"]])
    fake.http("a.example", { body: empty0, status })
    announcer.start()
    await fake.clock.run(24 * 3_600_000)
    expect(fake.events("a.example").length).toBeLessThanOrEqual(fake.events("dead.example").length)
    await fake.clock.runUntil(announcer.stop())
  })

  it("that say never are believed", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", { answer: { "failure reason": "not a tracker", "retry in": "never" } })
    announcer.start()
    await fake.clock.run(40 * 3_600_000)
    expect(fake.seen).toHaveLength(1)
    expect(announcer.exhausted).toBe(true)
    expect(announcer.status()).toEqual([
      {
        url: url("a.example"),
        tier: 0,
        state: "failed",
        message: "not a tracker",
        peersReceived: 0,
        nextAnnounceIn: null,
      },
    ])
    await fake.clock.runUntil(announcer.stop())
    expect(fake.seen).toHaveLength(1)
  })

  it("make the announcer exhausted once none is left, until one answers", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example", "ftp://c.example/announce"]])
    let up = false
    fake.http("a.example", () => (up ? good : "refused"))
    fake.http("b.example", () => (up ? good : "silent"))
    announcer.start()
    await fake.clock.run(10_000)
    expect(announcer.exhausted).toBe(false)
    await fake.clock.run(10_000)
    expect(announcer.exhausted).toBe(true)
    up = true
    await fake.clock.run(60_000)
    expect(announcer.exhausted).toBe(false)
    await fake.clock.runUntil(announcer.stop())
  })

  it("are not held against a torrent without trackers", async () => {
    const { fake, announcer } = setUp([])
    announcer.start()
    announcer.announceSoon()
    await fake.clock.run(1_000)
    expect([announcer.exhausted, announcer.status()]).toEqual([true, []])
    await fake.clock.runUntil(announcer.stop())
  })

  it("never show a passkey in the log", async () => {
    const key = "0123456789abcdef0123456789abcdef"
    const { fake, announcer } = setUp([
      [`http://a.example/announce.php?passkey=${key}`],
      [`http://b.example/${key}/announce`],
      [`http://c.example/announce?info_hash=${key}`],
    ])
    fake.http("b.example", good)
    announcer.start()
    await fake.clock.run(1_000)
    expect(fake.log.lines.length).toBeGreaterThan(1)
    expect(fake.log.toString()).not.toContain(key)
    expect(
      announcer
        .status()
        .map(({ message }) => message ?? "")
        .join(),
    ).not.toContain(key)
    await fake.clock.runUntil(announcer.stop())
  })

  it("that are named later come after the others, and none is asked twice", async () => {
    for (const isPrivate of [false, true]) {
      const { fake, announcer, hosts } = setUp([["a.example"]], { isPrivate })
      fake.http("a.example", { status: 500, body: empty0 })
      for (const host of ["b.example", "c.example"]) fake.http(host, good)
      announcer.start()
      await fake.clock.run(1_000)
      announcer.add([[url("a.example"), url("b.example")], [url("c.example")]])
      await fake.clock.run(10_000)
      expect(hosts()).toEqual(["a.example", "b.example"])
      expect(announcer.status().map(({ url, tier }) => [new URL(url).host, tier])).toEqual([
        ["a.example", 0],
        ["b.example", 1],
        ["c.example", 2],
      ])
      await fake.clock.runUntil(announcer.stop())
    }
  })

  it("beyond a hundred trackers are not sought", async () => {
    const { fake, announcer, hosts } = setUp(Array.from({ length: 150 }, (_, at) => [`d${at}.example`]))
    announcer.start()
    await fake.clock.run(1_000)
    expect(hosts()).toHaveLength(100)
    await fake.clock.runUntil(announcer.stop())
  })
})

describe("the end", () => {
  it("takes five seconds at most, however many trackers are silent", async () => {
    const { fake, announcer } = setUp([["a.example"], ["b.example"]])
    for (const host of ["a.example", "b.example"]) {
      fake.http(host, ({ event }) => (event === "stopped" ? "silent" : empty))
    }
    announcer.start()
    await fake.clock.run(10_000)
    const start = fake.clock.now()
    const stopping = announcer.stop()
    expect(announcer.stop()).toBe(stopping)
    await fake.clock.runUntil(stopping)
    expect(fake.clock.now() - start).toBe(5_000)
    expect(fake.aborted).toHaveLength(2)
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("does not wait for trackers that have not answered for a second", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", "silent")
    announcer.start()
    await fake.clock.run(2_000)
    await fake.clock.runUntil(announcer.stop())
    expect(fake.clock.now()).toBeLessThan(2_010)
    expect(fake.events("a.example")).toEqual(["0 started"])
  })

  it("of a download of a moment still reports it as complete, and leaves no peer behind", async () => {
    const { fake, announcer, state, peers } = setUp([["a.example"]])
    fake.http("a.example", { ...good, after: 300 })
    announcer.start()
    await fake.clock.run(50)
    state.left = 0
    announcer.completed()
    await fake.clock.runUntil(announcer.stop())
    expect(fake.events("a.example")).toEqual(["0 started", "300 completed", "600 stopped"])
    expect(peers).toEqual([])
  })

  it("right after completed lets that arrive, once", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", { ...good, after: 300 })
    announcer.start()
    await fake.clock.run(1_000)
    announcer.completed()
    await fake.clock.runUntil(announcer.stop())
    expect(fake.events("a.example")).toEqual(["0 started", "1000 completed", "1300 stopped"])
    expect(fake.aborted).toEqual([])
  })

  it("drops an ordinary announce under way", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    fake.http("a.example", ({ event }) => (event === "none" ? "silent" : good))
    announcer.start()
    await fake.clock.runUntil(() => fake.seen.length === 2)
    const start = fake.clock.now()
    await fake.clock.runUntil(announcer.stop())
    expect(fake.clock.now() - start).toBeLessThan(100)
    expect(fake.seen.map(({ event }) => event)).toEqual(["started", "none", "stopped"])
  })

  it("before the start is one, too", async () => {
    const { fake, announcer } = setUp([["a.example"]])
    await fake.clock.runUntil(announcer.stop())
    announcer.start()
    announcer.completed()
    announcer.announceSoon()
    await fake.clock.run(1_000)
    expect(fake.seen).toEqual([])
  })
})

describe("a UDP tracker in a tier", () => {
  it("that is silent delays nobody, and is not silent for ever", async () => {
    const { fake, client, announcer, peers } = setUp([["udp://dead.example:80/announce"], ["a.example"]])
    fake.network.name("dead.example", ["203.0.113.250"])
    fake.http("a.example", good)
    announcer.start()
    await fake.clock.run(4_000)
    expect(peers).toHaveLength(1)
    await fake.clock.run(230_000)
    expect(announcer.status()[0]).toMatchObject({ state: "failed", message: "no answer" })
    await fake.clock.runUntil(announcer.stop())
    expect(fake.processClock.pendingTimers).toBe(0)
    await fake.clock.runUntil(client.close())
    expect(fake.network.host("198.51.100.1").udpPorts.size).toBe(0)
  })
})
