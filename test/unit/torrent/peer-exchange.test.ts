import { describe, expect, it } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { PeerExchange } from "../../../src/torrent/finding/peer-exchange.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import { decodePex, encodePex, type PexMessage } from "../../../src/wire/pex-message.js"

/** A connected peer, as far as peer exchange looks at it. */
function peerAt(
  host: string,
  options: Partial<{
    incoming: boolean
    listenPort: number
    seed: boolean
    takes: boolean
    punches: boolean
    utp: boolean
    punched: boolean
    prefersEncryption: boolean
  }> = {},
) {
  const sent: PexMessage[] = []
  const peer = {
    incoming: options.incoming ?? false,
    punched: options.punched ?? false,
    session: {
      remote: { host, port: 6881 },
      listenPort: options.listenPort,
      uploadOnly: options.seed ?? false,
      utp: options.utp ?? false,
      prefersEncryption: options.prefersEncryption ?? false,
      takesExtension: (name: string) =>
        name === "ut_holepunch" ? (options.punches ?? false) : (options.takes ?? true),
      sendExtension: (_name: string, payload: Uint8Array) => {
        sent.push(decodePex(payload))
        return true
      },
    },
  }
  return { source: peer as unknown as PeerSource, sent, peer }
}

function stage() {
  const found: Endpoint[] = []
  const pex = new PeerExchange((peers) => found.push(...peers.map(({ host, port }) => ({ host, port }))))
  return { pex, found }
}

const added = (...hosts: string[]): Uint8Array =>
  encodePex({ added: hosts.map((host) => ({ host, port: 7000, flags: 0 })), dropped: [] })

describe("what a peer is told", () => {
  it("is whom else we are connected to, once a minute, and who has gone since", () => {
    const { pex } = stage()
    const a = peerAt("10.0.0.1")
    const b = peerAt("10.0.0.2", { seed: true })
    const c = peerAt("2001:db8::3", { incoming: true, listenPort: 9999 })
    const unreachable = peerAt("10.0.0.4", { incoming: true })
    pex.tick(
      [a, b, c, unreachable].map(({ source }) => source),
      0,
    )
    expect(a.sent).toEqual([
      {
        added: [
          { host: "10.0.0.2", port: 6881, flags: 0x12 },
          { host: "2001:db8::3", port: 9999, flags: 0 },
        ],
        dropped: [],
      },
    ])
    for (let now = 250; now < 60_000; now += 250) pex.tick([a.source, c.source], now)
    expect(a.sent).toHaveLength(1)
    pex.tick([a.source, c.source], 60_000)
    expect(a.sent[1]).toEqual({ added: [], dropped: [{ host: "10.0.0.2", port: 6881 }] })
  })

  it("is nothing of our own network when it is outside", () => {
    const { pex } = stage()
    const [inside, outside, other] = ["10.0.0.1", "2001:db8::2", "9.9.9.9"].map((host) => peerAt(host))
    pex.tick(
      [inside!, outside!, other!].map(({ source }) => source),
      0,
    )
    const told = [inside!, outside!, other!].map(({ sent }) => sent[0]!.added.map(({ host }) => host).sort())
    expect(told).toEqual([["2001:db8::2", "9.9.9.9"], ["9.9.9.9"], ["2001:db8::2"]])
  })

  it("is what we know of them, by flags", () => {
    const { pex } = stage()
    const hearer = peerAt("10.0.0.1", { incoming: true })
    const others = [
      peerAt("10.0.0.2", { prefersEncryption: true }),
      peerAt("10.0.0.3", { incoming: true, utp: true, listenPort: 9 }),
      peerAt("10.0.0.4", { incoming: true, punches: true, listenPort: 9 }),
      // We got there only because others helped.
      peerAt("10.0.0.5", { punched: true, punches: true, utp: true, seed: true }),
    ]
    pex.tick(
      [hearer, ...others].map(({ source }) => source),
      0,
    )
    expect(hearer.sent[0]?.added).toEqual([
      { host: "10.0.0.2", port: 6881, flags: 0x11 },
      // By uTP it is reached where it comes from.
      { host: "10.0.0.3", port: 6881, flags: 0x04 },
      { host: "10.0.0.4", port: 9, flags: 0x0c },
      { host: "10.0.0.5", port: 6881, flags: 0x0e },
    ])
  })

  it("is nothing when it does not take part, or there is nobody else", () => {
    const { pex } = stage()
    const a = peerAt("10.0.0.1", { takes: false })
    const b = peerAt("10.0.0.2")
    pex.tick([b.source], 0)
    pex.tick([a.source, b.source], 5000)
    expect(a.sent).toEqual([])
    expect(b.sent).toHaveLength(1)
  })

  it("is never more than fifty at a time; the others follow", () => {
    const { pex } = stage()
    const peers = Array.from({ length: 70 }, (_, i) => peerAt(`10.0.1.${i}`))
    const sources = peers.map(({ source }) => source)
    pex.tick(sources, 0)
    pex.tick(sources, 60_000)
    pex.tick(sources.slice(0, 1), 120_000)
    const [first] = peers
    expect(first!.sent.map((message) => [message.added.length, message.dropped.length])).toEqual([
      [50, 0],
      [19, 0],
      [0, 50],
    ])
  })
})

describe("what a peer says", () => {
  it("is taken, one port of a host on the internet, and never a place where no peer can be", () => {
    const { pex, found } = stage()
    const a = peerAt("8.8.8.8")
    const message = encodePex({
      added: [
        { host: "9.9.9.9", port: 1, flags: 0 },
        { host: "9.9.9.9", port: 2, flags: 0 },
        { host: "9.9.9.8", port: 0, flags: 0 },
        { host: "169.254.169.254", port: 80, flags: 0 },
        { host: "2001:db8::1", port: 5, flags: 0 },
      ],
      dropped: [],
    })
    pex.onMessage(a.source, message, 0)
    expect(found).toEqual([
      { host: "9.9.9.9", port: 1 },
      { host: "2001:db8::1", port: 5 },
    ])
  })

  it("leads into a local network only from there", () => {
    const { pex, found } = stage()
    pex.onMessage(peerAt("8.8.8.8").source, added("10.0.0.7", "127.0.0.1"), 0)
    expect(found).toEqual([])
    pex.onMessage(peerAt("10.0.0.1").source, added("10.0.0.7"), 0)
    expect(found).toEqual([{ host: "10.0.0.7", port: 7000 }])
  })

  it("is remembered until it says that they are gone", () => {
    const { pex } = stage()
    const { source } = peerAt("10.0.0.1")
    const who = { host: "10.0.0.7", port: 7000 }
    expect(pex.named(source, who)).toBe(false)
    pex.onMessage(source, added("10.0.0.7"), 0)
    expect([pex.named(source, who), pex.named(source, { ...who, port: 1 })]).toEqual([true, false])
    pex.onMessage(source, encodePex({ added: [], dropped: [who] }), 60_000)
    expect(pex.named(source, who)).toBe(false)
  })

  it("is not listened to when it comes too often, nor beyond what one peer may name", () => {
    const { pex, found } = stage()
    const a = peerAt("10.0.0.1")
    for (const [index, now] of [0, 1, 2, 3, 120_000].entries()) pex.onMessage(a.source, added(`10.0.3.${index}`), now)
    expect(found.map(({ host }) => host)).toEqual(["10.0.3.0", "10.0.3.1", "10.0.3.2"])
    found.length = 0
    const b = peerAt("10.0.0.2")
    for (let i = 0; i < 10; i++) {
      const hosts = Array.from({ length: 100 }, (_, j) => `10.1.${i}.${j}`)
      pex.onMessage(b.source, added(...hosts), i * 60_000)
    }
    expect(found).toHaveLength(300)
  })

  it("finds fault with what is malformed", () => {
    const { pex } = stage()
    const { source } = peerAt("10.0.0.1")
    expect(() => pex.onMessage(source, new Uint8Array([1, 2]), 0)).toThrow(ProtocolError)
  })
})
