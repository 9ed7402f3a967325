import { describe, expect, it } from "vitest"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { ProtocolError } from "../../../src/errors.js"
import type { Endpoint } from "../../../src/ports/net.js"
import type { AnnounceAnswer, AnnounceRequest } from "../../../src/tracker/announce.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import { parseTrackerUrl } from "../../../src/tracker/tracker-url.js"
import { UdpClient } from "../../../src/tracker/udp-client.js"
import { compact, FakeTrackers, INFO_HASH, PEER_ID } from "./fake-trackers.js"

const request: AnnounceRequest = {
  infoHash: INFO_HASH,
  peerId: PEER_ID,
  key: 1,
  event: "none",
  stats: { downloaded: 0, left: 1, uploaded: 0, port: 6881, numWant: 100 },
}

const target = { kind: "udp", hostname: "t.example", port: 80, urlData: "" } as const
const forever = new AbortController().signal

function words(...parts: (number | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) =>
    typeof part === "number" ? [part >>> 24, (part >>> 16) & 255, (part >>> 8) & 255, part & 255] : [...part],
  )
  return Uint8Array.from(bytes)
}

/** A UDP tracker that can be told to behave badly. */
class UdpTracker {
  readonly seen: string[] = []
  peer = "203.0.113.9:6881"
  /** Datagrams it does not answer. */
  deafFor = 0
  connectionId = 0x0a0b0c0d
  /** Sent instead of, or before, the right answer. */
  answer: (transaction: number, action: number) => Uint8Array[] = (transaction, action) => [
    this.right(transaction, action),
  ]

  constructor(fake: FakeTrackers) {
    this.#fake = fake
  }

  readonly #fake: FakeTrackers

  right(transaction: number, action: number): Uint8Array {
    if (action === 0) return words(0, transaction, 0, this.connectionId)
    if (action === 2) return words(2, transaction, 7, 8, 9)
    return words(1, transaction, 1800, 2, 3, this.peer.includes(".") ? compact(this.peer) : six(this.peer))
  }

  async open(address: string, port = 80): Promise<this> {
    await this.#fake.udp(address, port, (datagram, from, socket) => {
      const view = new DataView(datagram.buffer, datagram.byteOffset)
      const action = view.getUint32(8)
      this.seen.push(`${Math.round(this.#fake.clock.now() / 1000)} ${["connect", "announce", "scrape"][action]}`)
      if (this.deafFor-- > 0) return
      if (action !== 0 && view.getUint32(4) !== this.connectionId) {
        socket.send(words(3, view.getUint32(12), encodeUtf8("Connection ID mismatch")), from)
      } else for (const answer of this.answer(view.getUint32(12), action)) socket.send(answer, from)
    })
    return this
  }
}

function six(port: string): Uint8Array {
  return Uint8Array.from([
    0x20,
    1,
    0xd,
    0xb8,
    ...new Array<number>(11).fill(0),
    1,
    Number(port) >> 8,
    Number(port) & 255,
  ])
}

async function setUp(addresses: readonly string[] = ["203.0.113.1"]) {
  const fake = new FakeTrackers()
  fake.network.name("t.example", addresses)
  const client = new UdpClient(fake.platform)
  const late: AnnounceAnswer[] = []
  const announce = (signal = forever) => client.announce(target, request, signal, (answer) => late.push(answer))
  return { fake, client, announce, late }
}

describe("a UDP tracker", () => {
  it("is asked for a connection id once a minute, and announced to with it", async () => {
    const { fake, client, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    const outcome = await fake.clock.runUntil(announce())
    expect(outcome).toEqual({
      kind: "answered",
      answer: { interval: 1800, leechers: 2, seeds: 3, peers: [{ host: "203.0.113.9", port: 6881 }] },
    })
    await fake.clock.run(30_000)
    await fake.clock.runUntil(announce())
    await fake.clock.run(31_000)
    await fake.clock.runUntil(announce())
    expect(tracker.seen).toEqual(["0 connect", "0 announce", "30 announce", "61 connect", "61 announce"])
    await fake.clock.runUntil(client.close())
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("is asked again after 15, 30 and 60 s, and has failed after 225", async () => {
    const { fake, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    tracker.deafFor = Number.POSITIVE_INFINITY
    const outcome = await fake.clock.runUntil(announce())
    expect(outcome).toEqual({ kind: "failed", message: "no answer" })
    expect(tracker.seen).toEqual(["0 connect", "15 connect", "45 connect", "105 connect"])
    expect(Math.round(fake.clock.now() / 1000)).toBe(225)
  })

  it("gets a new connection id when the old one expired between two tries", async () => {
    const { fake, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    tracker.answer = (transaction, action) => (action === 0 ? [tracker.right(transaction, 0)] : [])
    await fake.clock.runUntil(announce())
    expect(tracker.seen).toEqual([
      "0 connect",
      "0 announce",
      "15 announce",
      "45 announce",
      "105 connect",
      "105 announce",
    ])
  })

  it("that was restarted is met anew", async () => {
    const { fake, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    await fake.clock.runUntil(announce())
    tracker.connectionId = 77
    expect(await fake.clock.runUntil(announce())).toMatchObject({ kind: "answered" })
    expect(tracker.seen).toEqual(["0 connect", "0 announce", "0 announce", "0 connect", "0 announce"])
  })

  it("that says no is not asked again", async () => {
    const { fake, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    tracker.answer = (transaction, action) =>
      action === 0 ? [tracker.right(transaction, 0)] : [words(3, transaction, encodeUtf8("not listed"))]
    expect(await fake.clock.runUntil(announce())).toEqual({ kind: "failed", message: "not listed" })
    expect(tracker.seen).toEqual(["0 connect", "0 announce"])
  })

  it("is heard through duplicates, junk, other transactions and other actions", async () => {
    const { fake, announce } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    tracker.answer = (transaction, action) => [
      new Uint8Array(0),
      words(action),
      words(1, transaction ^ 1, 1, 2, 3, compact("203.0.113.66:1")),
      words(action === 1 ? 2 : 1, transaction, 1, 2, 3, compact("203.0.113.66:1")),
      tracker.right(transaction, action),
      tracker.right(transaction, action),
    ]
    const outcome = await fake.clock.runUntil(announce())
    expect(outcome.kind === "answered" && outcome.answer.peers).toEqual([{ host: "203.0.113.9", port: 6881 }])
  })

  it("can't be impersonated by someone who knows the transaction", async () => {
    const { fake, announce } = await setUp()
    const tracker = new UdpTracker(fake)
    await fake.udp("203.0.113.1", 80, (datagram, from) => {
      const view = new DataView(datagram.buffer, datagram.byteOffset)
      // Right in all but where it comes from.
      spoof(fake, tracker.right(view.getUint32(12), view.getUint32(8)), from)
    })
    expect(await fake.clock.runUntil(announce())).toEqual({ kind: "failed", message: "no answer" })
  })

  it("with both families is announced to at both, and the slower one still counts", async () => {
    const { fake, announce, late } = await setUp(["203.0.113.1", "2001:db8::9"])
    const four = await new UdpTracker(fake).open("203.0.113.1")
    const second = new UdpTracker(fake)
    second.peer = "7000"
    await second.open("2001:db8::9")
    fake.network.host("2001:db8::9").profile.latency = 400
    const outcome = await fake.clock.runUntil(announce())
    expect(outcome.kind === "answered" && outcome.answer.peers).toEqual([{ host: "203.0.113.9", port: 6881 }])
    expect(late).toEqual([])
    await fake.clock.run(2_000)
    expect(late.map(({ peers }) => peers)).toEqual([[{ host: "2001:db8::1", port: 7000 }]])
    expect(four.seen).toHaveLength(2)
  })

  it("with both families hears the goodbye at both, however soon its caller ends what is under way", async () => {
    const { fake, client, announce } = await setUp(["203.0.113.1", "2001:db8::9"])
    const trackers = [new UdpTracker(fake), new UdpTracker(fake)] as const
    trackers[1].peer = "7000"
    await trackers[0].open("203.0.113.1")
    await trackers[1].open("2001:db8::9")
    fake.network.host("2001:db8::9").profile.latency = 400
    await fake.clock.runUntil(announce())
    // Until the connection ids are no good any more.
    await fake.clock.run(100_000)
    const controller = new AbortController()
    const goodbye = client.announce(target, { ...request, event: "stopped" }, controller.signal, () => {})
    expect(await fake.clock.runUntil(goodbye)).toMatchObject({ kind: "answered" })
    controller.abort()
    await fake.clock.run(2_000)
    expect(trackers.map(({ seen }) => seen.filter((what) => what.endsWith("announce")).length)).toEqual([2, 2])
  })

  it("with several addresses is stayed with at the one that answered, until that is silent", async () => {
    const addresses = ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"]
    const { fake, announce } = await setUp(addresses)
    const trackers = addresses.map(() => new UdpTracker(fake))
    for (const [at, address] of addresses.entries()) await trackers[at]!.open(address)
    for (let round = 0; round < 8; round++) await fake.clock.runUntil(announce())
    const met = trackers.filter(({ seen }) => seen.length > 0)
    expect(met).toHaveLength(1)
    met[0]!.deafFor = Number.POSITIVE_INFINITY
    expect(await fake.clock.runUntil(announce())).toMatchObject({ kind: "failed" })
    for (let round = 0; round < 3; round++) await fake.clock.runUntil(announce())
    expect(trackers.filter(({ seen }) => seen.length > 0).length).toBeGreaterThan(1)
  })

  it("does not wait with a goodbye for a family at which nobody has ever answered", async () => {
    const { fake, client, announce } = await setUp(["203.0.113.1", "2001:db8::9"])
    await new UdpTracker(fake).open("203.0.113.1")
    await fake.clock.runUntil(announce())
    const before = fake.clock.now()
    const goodbye = client.announce(target, { ...request, event: "stopped" }, forever, () => {})
    expect(await fake.clock.runUntil(goodbye)).toMatchObject({ kind: "answered" })
    expect(fake.clock.now() - before).toBeLessThan(100)
  })

  it("with one dead family is announced to at the other without delay", async () => {
    const { fake, announce } = await setUp(["203.0.113.1", "2001:db8::9"])
    await new UdpTracker(fake).open("203.0.113.1")
    expect(await fake.clock.runUntil(announce())).toMatchObject({ kind: "answered" })
    expect(fake.clock.now()).toBeLessThan(100)
  })

  it("behind a public name at a private address is left alone, at an address the torrent names it is not", async () => {
    const { fake, client, announce } = await setUp(["10.0.0.1", "127.0.0.1", "169.254.169.254"])
    const inside = await new UdpTracker(fake).open("10.0.0.1")
    expect(await fake.clock.runUntil(announce())).toMatchObject({
      kind: "failed",
      message: expect.stringMatching(/no address/),
    })
    expect(inside.seen).toEqual([])
    const named = client.announce({ ...target, hostname: "10.0.0.1" }, request, forever, () => {})
    expect(await fake.clock.runUntil(named)).toMatchObject({ kind: "answered" })
    const metadata = client.announce({ ...target, hostname: "169.254.169.254" }, request, forever, () => {})
    expect(await fake.clock.runUntil(metadata)).toMatchObject({
      kind: "failed",
      message: expect.stringMatching(/no address/),
    })
  })

  it("without an address has failed at once", async () => {
    const { fake, announce } = await setUp([])
    expect(await fake.clock.runUntil(announce())).toEqual({ kind: "failed", message: "its name can't be resolved" })
    expect(fake.clock.now()).toBeLessThan(10)
  })

  it("is let go by a signal and by close, at once and without a trace", async () => {
    const { fake, client, announce } = await setUp()
    const controller = new AbortController()
    const first = announce(controller.signal)
    await fake.clock.run(20_000)
    controller.abort()
    expect(await first).toEqual({ kind: "failed", message: "stopped" })
    expect(await fake.clock.runUntil(announce(controller.signal))).toEqual({ kind: "failed", message: "stopped" })
    const second = announce()
    await fake.clock.run(20_000)
    const closing = client.close()
    expect(await second).toEqual({ kind: "failed", message: "stopped" })
    await fake.clock.runUntil(closing)
    expect(fake.processClock.pendingTimers).toBe(0)
    expect(fake.network.host("198.51.100.1").udpPorts.size).toBe(0)
  })

  it("takes the answers of a name that only a proxy knows from whatever address, at the port that was asked", async () => {
    const { fake } = await setUp()
    const tracker = await new UdpTracker(fake).open("2001:db8::7")
    tracker.peer = "6881"
    const { net, udp } = fake.platform
    let misled = 1
    const client = new UdpClient({
      ...fake.platform,
      net: Object.assign(Object.create(net), { resolve: (name: string) => Promise.resolve([name]) }),
      udp: {
        open: async (_options, onMessage) => {
          const socket = await udp.open({ family: 6, port: 0 }, (datagram, from) =>
            onMessage(datagram, { ...from, port: misled-- > 0 ? 81 : from.port }),
          )
          const send = (datagram: Uint8Array, to: Endpoint): void => {
            expect(to.host).toBe("t.example")
            socket.send(datagram, { ...to, host: "2001:db8::7" })
          }
          return { port: socket.port, send, close: () => socket.close() }
        },
      },
    })
    expect(await fake.clock.runUntil(client.announce(target, request, forever, () => {}))).toMatchObject({
      kind: "answered",
      answer: { peers: [{ host: "2001:db8::1", port: 6881 }] },
    })
    expect(tracker.seen).toEqual(["0 connect", "15 connect", "15 announce"])
    await fake.clock.runUntil(client.close())
  })

  it("says why a proxy carries no datagrams, and waits for none that is being opened", async () => {
    const { fake } = await setUp()
    const refusing = { open: () => Promise.reject(new ProtocolError("no datagrams: the proxy does not do that")) }
    const client = new UdpClient({ ...fake.platform, udp: refusing })
    expect(await fake.clock.runUntil(client.announce(target, request, forever, () => {}))).toEqual({
      kind: "failed",
      message: "no datagrams: the proxy does not do that",
    })
    const slow = new UdpClient({
      ...fake.platform,
      udp: {
        open: ({ signal }) =>
          new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("ended")))),
      },
    })
    const announce = slow.announce(target, request, forever, () => {})
    await fake.clock.run(10)
    await fake.clock.runUntil(slow.close())
    expect(await announce).toEqual({ kind: "failed", message: "stopped" })
    expect(fake.processClock.pendingTimers).toBe(0)
  })

  it("tells the counts of a torrent", async () => {
    const { fake } = await setUp()
    const tracker = await new UdpTracker(fake).open("203.0.113.1")
    const client = new TrackerClient(fake.platform)
    const scrape = (host: string) => client.scrape(parseTrackerUrl(`udp://${host}:80/announce`), INFO_HASH, forever)
    expect(await fake.clock.runUntil(scrape("t.example"))).toEqual({
      kind: "answered",
      counts: { seeds: 7, downloads: 8, leechers: 9 },
    })
    expect(await fake.clock.runUntil(scrape("nowhere.example"))).toMatchObject({ kind: "failed" })
    expect(tracker.seen).toEqual(["0 connect", "0 scrape"])
    await fake.clock.runUntil(client.close())
    expect(fake.network.host("198.51.100.1").udpPorts.size).toBe(0)
  })
})

/** A datagram from another port of the tracker's machine, and from another machine. */
function spoof(fake: FakeTrackers, datagram: Uint8Array, to: { host: string; port: number }): void {
  const ports = fake.network.host("198.51.100.1").udpPorts
  const onMessage = ports.get(`4:${to.port}`) as (datagram: Uint8Array, from: { host: string; port: number }) => void
  onMessage(datagram, { host: "203.0.113.1", port: 4444 })
  onMessage(datagram, { host: "203.0.113.66", port: 80 })
}
