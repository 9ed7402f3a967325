import { describe, expect, it } from "vitest"
import { decodeMessage, encodeQuery, encodeResponse, type Message, type Question } from "../../../src/dht/krpc.js"
import { DhtNode } from "../../../src/dht/node.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { digester } from "../../support/torrents.js"

const id = (byte: number) => new Uint8Array(20).fill(byte)

/** A node of the IPv6 network, and what it sent. */
function stage(now: () => number = () => 1000) {
  const sent: Uint8Array[] = []
  const node = new DhtNode({
    family: 6,
    random: new SimRandom("node"),
    hasher: digester,
    now,
    send: (datagram) => sent.push(datagram),
    id: id(1),
    readOnly: () => false,
    otherClosest: () => [],
    onOtherNodes: () => {},
  })
  /** Asks, and answers what it is asked in return. */
  const meet = (from: Endpoint): void => {
    const question = { method: "ping" } as const
    node.receive(encodeQuery({ transaction: id(7).subarray(0, 4), id: id(2), question, readOnly: false }), from)
    for (const datagram of sent) {
      const message = decodeMessage(datagram)
      if (message.kind !== "query") continue
      node.receive(encodeResponse({ transaction: message.transaction, id: id(2), answer: {}, ip: from }), from)
    }
  }
  return { node, sent, meet }
}

describe("a DHT node", () => {
  it("gets to know who asks it and answers", () => {
    const { node, meet } = stage()
    meet({ host: "2001:db8::1", port: 6881 })
    expect(node.size).toBe(1)
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
    const { node, sent } = stage()
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
    const query = decodeMessage(sent[0]!)
    node.receive(
      encodeResponse({ transaction: query.transaction, id: id(2), answer: { values: [peer] }, ip: peer }),
      place,
    )
    expect([found, answers]).toEqual([[peer], 1])
  })

  it("announces to all whom it was told to, though not to hundreds at once", () => {
    let now = 1000
    const { node, sent } = stage(() => now)
    const holders = Array.from({ length: 400 }, (_, n) => ({
      ...{ id: id(3), host: `2001:db8:1:${n.toString(16)}::1`, port: 6881 },
      token: Uint8Array.of(1),
    }))
    node.announce(id(9), 6881, holders)
    expect(sent.length).toBeLessThan(300)
    for (; now < 60_000; now += 250) node.tick()
    expect(sent).toHaveLength(400)
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
