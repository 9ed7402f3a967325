import { describe, expect, it } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { HolePunching } from "../../../src/torrent/finding/hole-punching.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import {
  decodeHolepunch,
  encodeHolepunch,
  HolepunchError,
  type HolepunchMessage,
} from "../../../src/wire/holepunch-message.js"

const OURS: Endpoint = { host: "8.8.8.8", port: 6881 }

interface Settings {
  readonly port?: number
  /** We connected to it. */
  readonly outgoing?: boolean
  readonly utp?: boolean
  readonly listenPort?: number
  readonly takes?: boolean
}

/** A connected peer, as far as hole punching looks at it. */
function peerAt(host: string, { port = 6881, outgoing = false, utp = true, listenPort, takes = true }: Settings = {}) {
  const sent: HolepunchMessage[] = []
  const peer = {
    incoming: !outgoing,
    addresses: [] as Endpoint[],
    session: {
      remote: { host, port },
      utp,
      listenPort,
      takesExtension: () => takes,
      sendExtension: (_name: string, payload: Uint8Array) => {
        if (takes) sent.push(decodeHolepunch(payload)!)
        return takes
      },
    },
  }
  return { source: peer as unknown as PeerSource, sent, peer }
}

type TestPeer = ReturnType<typeof peerAt>

function stage(...peers: TestPeer[]) {
  const punched: Endpoint[] = []
  const namedBy = new Set<PeerSource>()
  const flags = new Map<string, number>()
  const punching = new HolePunching({
    peers: () => peers.map(({ source }) => source),
    isOwn: ({ host, port }) => host === OURS.host && port === OURS.port,
    named: (peer) => namedBy.has(peer),
    flags: ({ host }) => flags.get(host) ?? 0,
    punch: (endpoint) => punched.push(endpoint),
  })
  const say = (from: TestPeer, kind: HolepunchMessage["kind"], { host, port }: Endpoint, now = 0, error = 0) =>
    punching.onMessage(from.source, encodeHolepunch({ kind, host, port, error })!, now)
  return { punching, punched, namedBy, flags, say }
}

const rendezvous = (...args: [host: string, port?: number]) => ({ host: args[0], port: args[1] ?? 6881 })

describe("the one in the middle", () => {
  it("tells two of its peers to connect to each other, each where the other is reached", () => {
    // By TCP it came from a port at which nobody listens; by uTP a gateway has made 1024 of the port.
    const a = peerAt("9.0.0.1", { port: 50_000, utp: false, listenPort: 7001 })
    const b = peerAt("9.0.0.2", { port: 1024, listenPort: 7002 })
    const { say } = stage(a, b)
    for (const port of [1024, 7002]) say(a, "rendezvous", rendezvous("9.0.0.2", port))
    expect(a.sent).toEqual(Array(2).fill({ kind: "connect", host: "9.0.0.2", port: 1024, error: 0 }))
    expect(b.sent).toEqual(Array(2).fill({ kind: "connect", host: "9.0.0.1", port: 7001, error: 0 }))
  })

  it("says why not, naming what was asked for", () => {
    const a = peerAt("9.0.0.1")
    const deaf = peerAt("9.0.0.3", { takes: false })
    const neighbour = peerAt("192.168.1.2")
    const { say } = stage(a, deaf, neighbour)
    for (const wanted of [rendezvous("9.0.0.2"), rendezvous("9.0.0.3"), OURS, rendezvous("192.168.1.2")]) {
      say(a, "rendezvous", wanted)
    }
    expect(a.sent).toEqual([
      { kind: "error", ...rendezvous("9.0.0.2"), error: HolepunchError.notConnected },
      { kind: "error", ...rendezvous("9.0.0.3"), error: HolepunchError.noSupport },
      { kind: "error", ...OURS, error: HolepunchError.noSelf },
      { kind: "error", ...rendezvous("192.168.1.2"), error: HolepunchError.noSuchPeer },
    ])
    expect([...deaf.sent, ...neighbour.sent]).toEqual([])
  })

  it("brings nobody together with itself", () => {
    const a = peerAt("9.0.0.1")
    const { say } = stage(a)
    say(a, "rendezvous", rendezvous("9.0.0.1"))
    expect(a.sent).toEqual([{ kind: "error", ...rendezvous("9.0.0.1"), error: HolepunchError.notConnected }])
  })

  it("does not listen to who does not take part", () => {
    const a = peerAt("9.0.0.1", { takes: false })
    const b = peerAt("9.0.0.2")
    const { say, punched } = stage(a, b)
    say(a, "rendezvous", rendezvous("9.0.0.2"))
    say(a, "connect", rendezvous("9.0.0.2"))
    expect([b.sent, punched]).toEqual([[], []])
  })

  it("does so for nobody, and to nobody, more often than is good", () => {
    const target = peerAt("9.0.1.0")
    const askers = Array.from({ length: 5 }, (_, i) => peerAt(`9.0.0.${i}`))
    const { say } = stage(target, ...askers)
    const [first] = askers as [TestPeer]
    for (let i = 0; i < 50; i++) say(first, "rendezvous", rendezvous("9.0.1.0"))
    expect(first.sent).toHaveLength(10)
    for (const asker of askers) for (let i = 0; i < 50; i++) say(asker, "rendezvous", rendezvous("9.0.1.0"))
    expect(target.sent).toHaveLength(20)
    for (const asker of askers) say(asker, "rendezvous", rendezvous("9.0.1.0"), 60_000)
    expect(target.sent).toHaveLength(25)
  })
})

describe("who wants to get through", () => {
  it("asks those who named the address, and others only where nobody did", () => {
    const peers = ["9.0.0.1", "9.0.0.2", "9.0.0.3"].map((host) => peerAt(host))
    const deaf = peerAt("9.0.0.9", { takes: false })
    const { punching, namedBy } = stage(deaf, ...peers)
    expect(punching.ask(rendezvous("9.0.7.7"), 0)).toBe(true)
    expect(peers.map(({ sent }) => sent.length)).toEqual([1, 1, 0])
    namedBy.add(peers[2]!.source)
    expect(punching.ask(rendezvous("9.0.7.7"), 0)).toBe(true)
    expect(peers.map(({ sent }) => sent.length)).toEqual([1, 1, 1])
    expect(peers[2]!.sent).toEqual([{ kind: "rendezvous", ...rendezvous("9.0.7.7"), error: 0 }])
    expect(stage(deaf).punching.ask(rendezvous("9.0.7.7"), 0)).toBe(false)
  })

  it("asks everybody in turn, those who were there first no oftener than others, and nobody too often", () => {
    const peers = Array.from({ length: 5 }, (_, i) => peerAt(`9.0.0.${i}`))
    const { punching, namedBy } = stage(...peers)
    const counts = () => peers.map(({ sent }) => sent.length)
    for (let i = 0; i < 10; i++) expect(punching.ask(rendezvous(`9.0.7.${i}`), 0)).toBe(true)
    expect(counts()).toEqual([4, 4, 4, 4, 4])
    // Who alone may help is asked before its turn, and then last of all.
    namedBy.add(peers[0]!.source)
    for (let i = 0; i < 10; i++) expect(punching.ask(rendezvous(`9.0.8.${i}`), 0)).toBe(i < 6)
    expect(counts()).toEqual([10, 4, 4, 4, 4])
    namedBy.clear()
    punching.ask(rendezvous("9.0.9.1"), 60_000)
    expect(counts()).toEqual([10, 5, 5, 4, 4])
    namedBy.add(peers[0]!.source)
    expect(punching.ask(rendezvous("9.0.9.2"), 60_000)).toBe(true)
    expect(counts()).toEqual([11, 5, 5, 4, 4])
  })

  it("asks soon for who is said to need it, once, and not for others", () => {
    const helper = peerAt("9.0.0.1")
    const { punching, flags, namedBy } = stage(helper)
    namedBy.add(helper.source)
    const dialled = (host: string) => ({
      incoming: false,
      punched: false,
      since: 1000,
      addresses: [rendezvous(host)],
      session: { reached: false },
    })
    const [needs, reachable, unknown, open] = ["9.0.1.1", "9.0.1.2", "9.0.1.3", "9.0.1.4"].map(dialled)
    for (const [host, bits] of Object.entries({ "9.0.1.1": 0x0c, "9.0.1.2": 0x1c, "9.0.1.4": 0x0c }))
      flags.set(host, bits)
    open!.session.reached = true
    const peers = [needs, reachable, unknown, open] as unknown as PeerSource[]
    punching.tick(peers, 1499)
    expect(helper.sent).toEqual([])
    for (const now of [1500, 1750, 2000]) punching.tick(peers, now)
    expect(helper.sent).toEqual([{ kind: "rendezvous", ...rendezvous("9.0.1.1"), error: 0 }])
    // Now the connection has failed: who was asked for is not asked for again.
    for (const peer of peers) punching.failed(peer, 2000)
    // Who named 9.0.1.3 did not say that it takes part.
    expect(helper.sent.slice(1).map(({ host }) => host)).toEqual(["9.0.1.2", "9.0.1.4"])
    namedBy.clear()
    punching.failed(unknown as unknown as PeerSource, 2000)
    expect(helper.sent.at(-1)).toMatchObject({ host: "9.0.1.3" })
  })

  it("connects when it is told to, not to itself, into a local network or to no port, and not too often", () => {
    const a = peerAt("9.0.0.1")
    const { say, punched } = stage(a)
    for (const where of [OURS, rendezvous("10.0.0.1"), rendezvous("127.0.0.1"), rendezvous("9.0.0.2", 0)]) {
      say(a, "connect", where)
    }
    expect(punched).toEqual([])
    for (let i = 0; i < 30; i++) say(a, "connect", rendezvous(`9.0.1.${i}`))
    expect(punched.map(({ host }) => host)).toEqual(Array.from({ length: 10 }, (_, i) => `9.0.1.${i}`))
    say(a, "connect", rendezvous("9.0.2.1"), 60_000)
    expect(punched).toHaveLength(11)
  })

  it("takes refusals as they come, and finds fault with nonsense", () => {
    const a = peerAt("9.0.0.1")
    const { punching, punched, say } = stage(a)
    for (const error of [1, 2, 3, 4, 0xffffffff]) say(a, "error", rendezvous("9.0.0.2"), 0, error)
    punching.onMessage(a.source, Uint8Array.of(9, 0), 0)
    expect([a.sent, punched]).toEqual([[], []])
    expect(() => punching.onMessage(a.source, Uint8Array.of(1, 0, 8), 0)).toThrow(ProtocolError)
  })
})
