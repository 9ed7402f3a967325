import { describe, expect, it } from "vitest"
import type { Contact } from "../../../src/dht/contact.js"
import {
  type Answer,
  decodeMessage,
  encodeQuery,
  encodeResponse,
  type Message,
  type Question,
} from "../../../src/dht/krpc.js"
import type { Holder } from "../../../src/dht/lookup.js"
import { DhtNode } from "../../../src/dht/node.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { digester } from "../../support/torrents.js"

const id = (byte: number) => new Uint8Array(20).fill(byte)

/** A node of the IPv6 network, what it sent and where to, and the IPv4 nodes it was told of. */
function stage(now: () => number = () => 1000) {
  const sent: Uint8Array[] = []
  const askedHosts: string[] = []
  const otherNodes: Contact[] = []
  const node = new DhtNode({
    family: 6,
    random: new SimRandom("node"),
    hasher: digester,
    now,
    send: (datagram, { host }) => {
      sent.push(datagram)
      askedHosts.push(host)
    },
    id: id(1),
    readOnly: () => false,
    otherClosest: () => [],
    onOtherNodes: (nodes) => otherNodes.push(...nodes),
  })
  /** Asks, and answers what it is asked in return. */
  const meet = (from: Endpoint, named = id(2)): void => {
    const question = { method: "ping" } as const
    node.receive(encodeQuery({ transaction: id(7).subarray(0, 4), id: named, question, readOnly: false }), from)
    for (const datagram of sent) {
      const message = decodeMessage(datagram)
      if (message.kind !== "query") continue
      node.receive(encodeResponse({ transaction: message.transaction, id: named, answer: {}, ip: from }), from)
    }
  }
  /** Answers the last question. */
  const answer = (given: Answer, from: Endpoint): void => {
    const { transaction } = decodeMessage(sent.at(-1)!)
    node.receive(encodeResponse({ transaction, id: id(2), answer: given, ip: from }), from)
  }
  return { node, sent, askedHosts, otherNodes, meet, answer }
}

/** Nodes that may be announced to. */
function holders(count: number): Holder[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: id(3), host: `2001:db8:1:${n.toString(16)}::1`, port: 6881 },
    token: Uint8Array.of(1),
  }))
}

describe("a DHT node", () => {
  it("gets to know who asks it and answers", () => {
    const { node, meet } = stage()
    meet({ host: "2001:db8::1", port: 6881 })
    expect(node.size).toBe(1)
  })

  it("tells nobody outside of nodes and peers in its own network", () => {
    const { node, sent, meet } = stage()
    const transaction = id(7).subarray(0, 4)
    const ask = (question: Question, from: Endpoint): Answer => {
      sent.length = 0
      node.receive(encodeQuery({ transaction, id: id(4), question, readOnly: true }), from)
      const message = decodeMessage(sent[0]!)
      return message.kind === "response" ? message.answer : {}
    }
    const [inside, outside] = ["fd00::1", "2001:db8:1::1"].map((host) => ({ host, port: 6881 }))
    const question = { method: "get_peers", infoHash: id(9) } as const
    meet(inside!, id(2))
    meet(outside!, id(3))
    for (const peer of [inside!, outside!]) {
      const { token = id(0) } = ask(question, peer)
      ask({ method: "announce_peer", infoHash: id(9), port: 6881, impliedPort: false, token }, peer)
    }
    const named = (from: Endpoint): string[][] => {
      const { nodes6 = [], values = [] } = ask(question, from)
      return [nodes6, values].map((places) => places.map(({ host }) => host).sort())
    }
    expect(named({ host: "2001:db8:2::1", port: 6881 })).toEqual([["2001:db8:1::1"], ["2001:db8:1::1"]])
    expect(named({ host: "fd00::2", port: 6881 })).toEqual([
      ["2001:db8:1::1", "fd00::1"],
      ["2001:db8:1::1", "fd00::1"],
    ])
  })

  it("keeps as a peer only who shows the token that its address was given", () => {
    const { node, sent } = stage()
    const asker: Endpoint = { host: "2001:db8::1", port: 6881 }
    const other: Endpoint = { host: "2001:db8::2", port: 6881 }
    const transaction = id(7).subarray(0, 4)
    const ask = (question: Question, from: Endpoint): Message => {
      sent.length = 0
      node.receive(encodeQuery({ transaction, id: id(2), question, readOnly: true }), from)
      return decodeMessage(sent[0]!)
    }
    const given = ask({ method: "get_peers", infoHash: id(9) }, asker)
    const token = given.kind === "response" ? given.answer.token! : id(0)
    const announce = { method: "announce_peer", infoHash: id(9), port: 6881, impliedPort: false, token } as const
    expect(ask({ ...announce, token: id(3) }, asker)).toMatchObject({ kind: "error", code: 203 })
    expect(ask({ ...announce, infoHash: id(8) }, asker)).toMatchObject({ kind: "error", code: 203 })
    expect(ask(announce, other)).toMatchObject({ kind: "error", code: 203 })
    expect(node.storedPeers).toBe(0)
    expect(ask(announce, asker)).toMatchObject({ kind: "response" })
    expect(node.storedPeers).toBe(1)
  })

  it("takes the answer of a node that was named by another id than its own", () => {
    const { node, answer } = stage()
    const place: Endpoint = { host: "2001:db8::5", port: 6881 }
    const peer: Endpoint = { host: "2001:db8::6", port: 6882 }
    const found: Endpoint[] = []
    let answers = 0
    node.offer([{ ...place, id: id(8) }])
    node.getPeers(id(9), {
      onPeers: (peers) => found.push(...peers),
      onDone: (_holders, count) => {
        answers = count
      },
    })
    answer({ values: [peer] }, place)
    expect([found, answers]).toEqual([[peer], 1])
  })

  it("is not sent to nodes in its own network by one from outside", () => {
    const { node, askedHosts, answer } = stage()
    const place: Endpoint = { host: "2001:db8::5", port: 6881 }
    const named = ["fd00::7", "2001:db8:7::7"].map((host) => ({ id: id(9), host, port: 6881 }))
    node.offer([place])
    node.findNode(id(9), () => {})
    answer({ nodes6: named }, place)
    expect(askedHosts).toEqual([place.host, "2001:db8:7::7"])
  })

  it("takes sixteen nodes of each network from one answer", () => {
    let now = 1000
    const { node, askedHosts, otherNodes, answer } = stage(() => now)
    const place: Endpoint = { host: "2001:db8::5", port: 6881 }
    const named = (host: (n: number) => string): Contact[] =>
      Array.from({ length: 20 }, (_, n) => ({ id: id(9), host: host(n), port: 6881 }))
    node.offer([place])
    node.findNode(id(9), () => {})
    answer({ nodes: named((n) => `9.9.${n}.9`), nodes6: named((n) => `2001:db8:7:${n}::7`) }, place)
    for (; now < 60_000; now += 250) node.tick()
    expect(otherNodes).toHaveLength(16)
    expect(new Set(askedHosts).size).toBe(1 + 16)
  })

  it("begins at the two hundred places that it was told of last", () => {
    const { node, askedHosts } = stage()
    const host = (n: number): string => `2001:db8:7:${n}::7`
    node.offer(Array.from({ length: 300 }, (_, n) => ({ host: host(n), port: 6881 })))
    node.findNode(id(9), () => {})
    expect(askedHosts[0]).toBe(host(100))
  })

  it("ends the oldest of its lookups when there are more than 64", () => {
    const { node } = stage()
    // Who never answers keeps them all waiting.
    node.offer([{ host: "2001:db8::5", port: 6881 }])
    const ended: number[] = []
    for (let n = 0; n < 64; n++) node.findNode(id(n), () => ended.push(n))
    expect(ended).toEqual([])
    node.findNode(id(64), () => ended.push(64))
    expect(ended).toEqual([0])
  })

  it("announces to all whom it was told to, though not to hundreds at once", () => {
    let now = 1000
    const { node, sent } = stage(() => now)
    node.announce(id(9), 6881, holders(400))
    expect(sent.length).toBeLessThan(300)
    for (; now < 60_000; now += 250) node.tick()
    expect(sent).toHaveLength(400)
  })

  it("keeps two thousand announces waiting, the latest", () => {
    let now = 1000
    const { node, askedHosts } = stage(() => now)
    const all = holders(2100)
    node.announce(id(9), 6881, all)
    for (; now < 300_000; now += 250) node.tick()
    expect(new Set(askedHosts)).toEqual(new Set(all.slice(100).map(({ host }) => host)))
  })

  it("does not hear a link-local address with a zone, which it could tell nobody of", () => {
    const { node, sent, meet } = stage()
    const near = { host: "fe80::1%eth0", port: 6881 }
    node.ping(near)
    meet(near)
    expect(node.size).toBe(0)
    expect(sent).toHaveLength(1)
  })
})
