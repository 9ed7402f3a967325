import { describe, expect, it } from "vitest"
import { Dht, type DhtStore } from "../../../src/dht/dht.js"
import { type Answer, decodeMessage, encodeResponse } from "../../../src/dht/krpc.js"
import { idSharing } from "../../../src/dht/node-id.js"
import { K } from "../../../src/dht/routing-table.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { digester } from "../../support/torrents.js"

const MINUTE = 60_000
const nothing: DhtStore = { load: async () => undefined, save: async () => {} }

/** A node of each network, which only read, and where they sent what. */
async function stage(store = nothing, seed = "dht") {
  const clock = new VirtualClock()
  const random = new SimRandom(seed)
  const sent: { datagram: Uint8Array; to: Endpoint }[] = []
  const dht = await Dht.start({
    ...{ clock, random, hasher: digester, store, bootstrap: [] },
    net: { resolve: async () => [] },
    log: { log: () => {} },
    udp: { port: 6881, speaks: () => true, send: (datagram, to) => sent.push({ datagram, to }) },
    readOnly: () => true,
    announcePort: () => undefined,
  })
  const wasAsked = (place: Endpoint): boolean => sent.some(({ to }) => to.host === place.host)
  /** Who is at a place answers the last question to it. */
  const answer = (place: Endpoint, id: Uint8Array, given: Answer): void => {
    const { datagram } = sent.findLast(({ to }) => to.host === place.host)!
    const { transaction } = decodeMessage(datagram)
    dht.receive(encodeResponse({ transaction, id, answer: given, ip: place }), place)
  }
  /** A peer's node is there, and answers: the one of `bits` that our own id shares with its own. */
  const meet = (place: Endpoint, bits: number): void => {
    const { id } = dht.nodes[place.host.includes(":") ? 1 : 0]!
    dht.nodeAt(place)
    answer(place, idSharing(id, bits, random.bytes(20)), {})
  }
  return { dht, clock, random, sent, wasAsked, answer, meet }
}

describe("the DHT", () => {
  it("asks after the nodes of peers until it knows 32", async () => {
    const { dht, wasAsked, meet } = await stage()
    const place = (n: number): Endpoint => ({ host: `10.0.0.${n}`, port: 6881 })
    for (let n = 0; n < 4 * K; n++) meet(place(n), n >> 3)
    expect(dht.size).toBe(4 * K)
    dht.nodeAt(place(99))
    expect(wasAsked(place(99))).toBe(false)
    await dht.close()
  })

  it("goes on with its ids, and with the nodes that answered, the next time", async () => {
    let kept: Uint8Array | undefined
    const store: DhtStore = {
      load: async () => kept,
      save: async (bytes) => {
        kept = bytes
      },
    }
    const first = await stage(store)
    const [met, silent] = ["10.0.0.1", "10.0.0.2"].map((host): Endpoint => ({ host, port: 6881 }))
    first.meet(met!, 0)
    first.dht.nodeAt(silent!)
    await first.dht.close()
    const next = await stage(store, "another run")
    expect(next.dht.nodes.map(({ id }) => id)).toEqual(first.dht.nodes.map(({ id }) => id))
    next.dht.search({ infoHash: next.random.bytes(20), onPeers: () => {} })
    expect(next.sent.map(({ to }) => to.host)).toEqual([met!.host])
    await next.dht.close()
  })

  it.each([
    [0, true],
    [K, false],
  ])("that knows %i IPv6 nodes takes those that IPv4 nodes name: %s", async (known, taken) => {
    const { dht, clock, random, wasAsked, answer, meet } = await stage()
    const teller: Endpoint = { host: "10.0.0.1", port: 6881 }
    const named = { id: random.bytes(20), host: "fd00::99", port: 6881 }
    for (let n = 0; n < known; n++) meet({ host: `fd00::${n}`, port: 6881 }, 0)
    dht.nodeAt(teller)
    const search = dht.search({ infoHash: random.bytes(20), onPeers: () => {} })
    await clock.run(0)
    answer(teller, random.bytes(20), { nodes6: [named] })
    // Now nobody answers, and whoever was heard of is tried.
    await clock.run(60 * MINUTE)
    expect(wasAsked(named)).toBe(taken)
    search.close()
    await dht.close()
  })
})
