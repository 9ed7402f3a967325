import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import type { Family } from "../../../src/bytes/ip.js"
import { AddressVote } from "../../../src/dht/address-vote.js"
import { Budget } from "../../../src/dht/budget.js"
import type { Contact } from "../../../src/dht/contact.js"
import { FloodGuard } from "../../../src/dht/flood-guard.js"
import { encodeQuery, type Question, type Want } from "../../../src/dht/krpc.js"
import { DhtNode } from "../../../src/dht/node.js"
import { PeerStore } from "../../../src/dht/peer-store.js"
import { Requests } from "../../../src/dht/requests.js"
import { Responder } from "../../../src/dht/responder.js"
import { RoutingTable } from "../../../src/dht/routing-table.js"
import { Tokens } from "../../../src/dht/tokens.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { seededRandom } from "../../support/seeded-random.js"

const MINUTE = 60_000
const random = seededRandom(3)
const hasher = { digest: (_: string, data: Uint8Array) => new Uint8Array(createHash("sha1").update(data).digest()) }
const infoHash = random.bytes(20)
const host = (i: number): string => `9.${i >> 16}.${(i >> 8) & 255}.${i & 255}`

describe("tokens", () => {
  it("are good for who got them, for that torrent, for five to ten minutes", () => {
    const tokens = new Tokens({ random, hasher, now: 0 })
    const token = tokens.make("9.9.9.9", infoHash, 0)
    expect(tokens.isValid(token, "9.9.9.9", infoHash, 4 * MINUTE)).toBe(true)
    expect(tokens.isValid(token, "9.9.9.8", infoHash, 4 * MINUTE)).toBe(false)
    expect(tokens.isValid(token, "9.9.9.9", random.bytes(20), 4 * MINUTE)).toBe(false)
    expect(tokens.isValid(token.subarray(1), "9.9.9.9", infoHash, 4 * MINUTE)).toBe(false)
    expect(tokens.isValid(token, "9.9.9.9", infoHash, 6 * MINUTE)).toBe(true)
    expect(tokens.isValid(token, "9.9.9.9", infoHash, 11.5 * MINUTE)).toBe(false)
  })

  it("are not good after a long silence", () => {
    const tokens = new Tokens({ random, hasher, now: 0 })
    const token = tokens.make("9.9.9.9", infoHash, 0)
    expect(tokens.isValid(token, "9.9.9.9", infoHash, 60 * MINUTE)).toBe(false)
  })
})

describe("the peers that others announced", () => {
  it("are kept for half an hour", () => {
    const store = new PeerStore(random)
    const [early, late] = [
      { host: host(1), port: 1 },
      { host: host(2), port: 2 },
    ]
    store.add(infoHash, early, 0)
    store.add(infoHash, late, 20 * MINUTE)
    expect(store.sample(infoHash, 9, 29 * MINUTE)).toHaveLength(2)
    expect(store.sample(infoHash, 9, 31 * MINUTE)).toEqual([late])
    store.add(infoHash, late, 45 * MINUTE)
    expect(store.sample(infoHash, 9, 60 * MINUTE)).toEqual([late])
    store.sweep(80 * MINUTE)
    expect([store.torrentCount, store.peerCount]).toEqual([0, 0])
  })

  it("are drawn at random when there are more than fit", () => {
    const store = new PeerStore(random)
    for (let i = 0; i < 300; i++) store.add(infoHash, { host: host(i), port: 1 }, 0)
    const seen = new Set(Array.from({ length: 200 }, () => store.sample(infoHash, 30, 1)).flat())
    expect(store.sample(infoHash, 30, 1)).toHaveLength(30)
    expect(seen.size).toBe(300)
  })

  it("never grow beyond bounds, of a torrent, of a host, and in all; made-up torrents drive out each other", () => {
    const store = new PeerStore(random)
    for (let i = 0; i < 1000; i++) store.add(infoHash, { host: host(i), port: 1 }, i)
    expect(store.peerCount).toBe(500)
    expect(store.sample(infoHash, 1000, 1000)).toContainEqual({ host: host(999), port: 1 })
    const other = random.bytes(20)
    for (let port = 1; port < 100; port++) store.add(other, { host: host(1), port }, 0)
    expect(store.sample(other, 100, 0)).toHaveLength(10)
    for (let i = 0; i < 5000; i++) store.add(random.bytes(20), { host: host(i), port: 1 }, 1000)
    expect(store.torrentCount).toBe(2000)
    expect(store.peerCount).toBeLessThanOrEqual(50_000)
    expect(store.sample(infoHash, 1000, 1001)).toHaveLength(500)
  })

  it("are fifty thousand at most, however many torrents have many", () => {
    const store = new PeerStore(random)
    const torrents = Array.from({ length: 105 }, () => random.bytes(20))
    for (const torrent of torrents) for (let i = 0; i < 500; i++) store.add(torrent, { host: host(i), port: 1 }, 0)
    expect(store.peerCount).toBe(50_000)
    expect(store.sample(torrents.at(-1)!, 1000, 0)).toHaveLength(500)
  })
})

describe("who asks too much", () => {
  it("is not heard for five minutes, and longer if it goes on", () => {
    const guard = new FloodGuard()
    const from = { host: "9.9.9.9", port: 1 }
    const admitted = Array.from({ length: 100 }, (_, i) => guard.admits({ ...from, port: i + 1 }, 5000))
    expect(admitted.filter(Boolean)).toHaveLength(50)
    expect(guard.admits({ host: "9.9.9.8", port: 1 }, 5000)).toBe(true)
    expect(guard.admits(from, 4 * MINUTE)).toBe(false)
    expect(guard.admits(from, 8 * MINUTE)).toBe(false)
    expect(guard.admits(from, 13 * MINUTE + 1)).toBe(true)
  })

  it("is told apart from five questions a second", () => {
    const guard = new FloodGuard()
    const admitted = Array.from({ length: 500 }, (_, i) => guard.admits({ host: "9.9.9.9", port: 1 }, 200 * i))
    expect(admitted).not.toContain(false)
  })

  it("is remembered until two thousand others have asked since", () => {
    const guard = new FloodGuard()
    const from = { host: "10.9.9.9", port: 1 }
    for (let i = 0; i < 100; i++) guard.admits(from, 0)
    for (let i = 0; i < 1999; i++) guard.admits({ host: host(i), port: 1 }, 0)
    expect(guard.admits(from, 0)).toBe(false)
    for (let i = 2000; i < 4000; i++) guard.admits({ host: host(i), port: 1 }, 0)
    expect(guard.admits(from, 0)).toBe(true)
  })
})

describe("who has a /64 of IPv6 addresses", () => {
  const from = (i: number): Endpoint => ({ host: `2001:db8:1:2:${i.toString(16)}::1`, port: 1 })
  const all = Array.from({ length: 100 }, (_, i) => from(i))
  const neighbour = { host: "2001:db8:1:3::1", port: 1 }

  it("asks no more by asking from each", () => {
    const guard = new FloodGuard()
    expect(all.filter((each) => guard.admits(each, 5000))).toHaveLength(50)
    expect(guard.admits(neighbour, 5000)).toBe(true)
  })

  it("is not flooded by us, whoever names their addresses", () => {
    const sent: Endpoint[] = []
    const requests = new Requests({ random, send: (_, to) => sent.push(to), now: 0 })
    const query = { id: infoHash, question: { method: "ping" } as const, readOnly: false }
    for (const to of [...all, neighbour]) requests.ask(to, query, { onAnswer: () => {}, onFailed: () => {} }, 0)
    expect(sent).toEqual([...all.slice(0, 3), neighbour])
  })

  it("drives out no other's peers", () => {
    const store = new PeerStore(random)
    store.add(infoHash, neighbour, 0)
    for (let i = 0; i < 1000; i++) store.add(infoHash, from(i), 1)
    expect(store.peerCount).toBe(11)
    expect(store.sample(infoHash, 11, 2)).toContainEqual(neighbour)
  })

  it("does not say alone what our address is", () => {
    const vote = new AddressVote()
    for (const { host: voter } of all) vote.cast(voter, "2001:db8::5")
    expect(vote.address).toBeUndefined()
  })

  it("has one place in a table", () => {
    const table = new RoutingTable(random.bytes(20))
    for (const each of [...all, neighbour]) table.answered({ id: random.bytes(20), ...each }, 0)
    expect(table.size).toBe(2)
    table.assertInvariants()
    for (let i = 0; i < 6; i++) for (const contact of table.closest(infoHash, 2)) table.failed(contact, i)
    table.assertInvariants()
  })
})

describe("a budget", () => {
  it("lets through its rate, after a first burst", () => {
    const budget = new Budget(1000, 2, 0)
    let bytes = 0
    for (let now = 0; now <= 60_000; now += 10) if (budget.take(100, now)) bytes += 100
    expect(bytes).toBeGreaterThan(60_000)
    expect(bytes).toBeLessThan(62_300)
  })
})

describe("questions", () => {
  const question: Question = { method: "ping" }
  const query = { id: infoHash, question, readOnly: false }
  const silent = { onAnswer: () => {}, onFailed: () => {} }

  it("go three at a time to a public address, whatever the port", () => {
    const sent: Endpoint[] = []
    const requests = new Requests({ random, send: (_, to) => sent.push(to), now: 0 })
    for (let port = 1; port < 50; port++) requests.ask({ host: "9.9.9.9", port }, query, silent, 0)
    expect(sent).toHaveLength(3)
  })

  /** Questions that are answered at once. */
  function answeredAtOnce(send: (datagram: Uint8Array, to: Endpoint) => void) {
    const transactions = seededRandom(5)
    let last: Uint8Array = new Uint8Array(0)
    const own = {
      bytes: (length: number) => {
        last = transactions.bytes(length)
        return last
      },
    }
    const requests = new Requests({ random: own, send, now: 0 })
    return (to: Endpoint, now: number): boolean => {
      if (!requests.ask(to, query, silent, now)) return false
      return requests.settle({ kind: "response", transaction: last, id: infoHash, answer: {}, ip: undefined }, to)
    }
  }

  it("do not make who answers at once take us for a flood", () => {
    const guard = new FloodGuard()
    const refused: Endpoint[] = []
    const ask = answeredAtOnce((_, to) => {
      if (!guard.admits(to, now)) refused.push(to)
    })
    let asked = 0
    let now = 0
    for (; now < 60_000; now += 10) if (ask({ host: "9.9.9.9", port: 1 }, now)) asked++
    expect(refused).toEqual([])
    expect(asked).toBe(150)
  })

  it("take no more than their share of the line, however quick the answers are", () => {
    let bytes = 0
    const ask = answeredAtOnce((datagram) => {
      bytes += datagram.length
    })
    for (let now = 0; now < 10_000; now++) ask({ host: host(now), port: 1 }, now)
    // 8000 bytes a second, and four seconds' worth at first.
    expect(bytes).toBeGreaterThan(8000 * 13)
    expect(bytes).toBeLessThan(8000 * 14.1)
  })

  it("wait for 256 answers at most", () => {
    const sent: Endpoint[] = []
    const requests = new Requests({ random, send: (_, to) => sent.push(to), now: 0 })
    for (let i = 0; i < 400; i++) requests.ask({ host: host(i), port: 1 }, query, silent, 0)
    expect(sent).toHaveLength(256)
  })

  it("are answered by whom they went to alone", () => {
    const requests = new Requests({ random, send: () => {}, now: 0 })
    const outcomes: string[] = []
    const own = { bytes: () => Uint8Array.of(1, 2, 3, 4) }
    const fixed = new Requests({ random: own, send: () => {}, now: 0 })
    const listener = { onAnswer: () => outcomes.push("answer"), onFailed: () => outcomes.push("failed") }
    fixed.ask({ host: "9.9.9.9", port: 1 }, query, listener, 0)
    const answer = { kind: "response", transaction: own.bytes(), id: infoHash, answer: {}, ip: undefined } as const
    expect(fixed.settle(answer, { host: "9.9.9.9", port: 2 })).toBe(false)
    expect(fixed.settle({ ...answer, transaction: Uint8Array.of(1) }, { host: "9.9.9.9", port: 1 })).toBe(false)
    expect(fixed.settle(answer, { host: "9.9.9.9", port: 1 })).toBe(true)
    expect(fixed.settle(answer, { host: "9.9.9.9", port: 1 })).toBe(false)
    expect(outcomes).toEqual(["answer"])
    expect(requests.size).toBe(0)
  })

  it("are late after a second and have failed after ten", () => {
    const requests = new Requests({ random, send: () => {}, now: 0 })
    const outcomes: string[] = []
    requests.ask(
      { host: "9.9.9.9", port: 1 },
      query,
      { onAnswer: () => {}, onLate: () => outcomes.push("late"), onFailed: () => outcomes.push("failed") },
      0,
    )
    for (let now = 0; now <= 20_000; now += 250) {
      requests.tick(now)
      if (now === 9_750) expect(outcomes).toEqual(["late"])
    }
    expect(outcomes).toEqual(["late", "failed"])
    expect(requests.size).toBe(0)
  })
})

describe("our address", () => {
  it("is what five hosts say, each once, and more than twice as many as say anything else", () => {
    const vote = new AddressVote()
    for (let i = 0; i < 20; i++) expect(vote.cast("9.9.9.9", "8.8.8.8")).toBe(false)
    for (let i = 1; i < 4; i++) vote.cast(host(i), "8.8.8.8")
    expect(vote.address).toBeUndefined()
    expect(vote.cast(host(5), "8.8.8.8")).toBe(true)
    expect(vote.address).toBe("8.8.8.8")
    for (let i = 10; i < 14; i++) vote.cast(host(i), "7.7.7.7")
    expect(vote.address).toBe("8.8.8.8")
    const divided = new AddressVote()
    for (let i = 0; i < 3; i++) divided.cast(host(i), "7.7.7.7")
    for (let i = 3; i < 9; i++) expect(divided.cast(host(i), "8.8.8.8")).toBe(false)
    expect(divided.cast(host(9), "8.8.8.8")).toBe(true)
  })

  it("is another one soon after fifty hosts have said the old one", () => {
    const vote = new AddressVote()
    for (let i = 0; i < 50; i++) vote.cast(host(i), "8.8.8.8")
    for (let i = 0; i < 4; i++) expect(vote.cast(host(i), "7.7.7.7")).toBe(false)
    expect(vote.cast(host(4), "7.7.7.7")).toBe(true)
    expect(vote.address).toBe("7.7.7.7")
  })

  it("is not a local one, nor what somebody in the local network says", () => {
    const vote = new AddressVote()
    for (let i = 0; i < 40; i++) {
      vote.cast(host(i), "192.168.0.5")
      vote.cast(`10.0.0.${i}`, "8.8.8.8")
    }
    expect(vote.address).toBeUndefined()
  })
})

describe("a node", () => {
  const from = { host: "9.9.9.9", port: 7 }

  function node(readOnly = false) {
    const sent: Uint8Array[] = []
    const made = new DhtNode({
      ...{ family: 4, random, hasher, readOnly: () => readOnly, id: random.bytes(20) },
      now: () => 0,
      send: (datagram) => sent.push(datagram),
      otherClosest: () => [],
      onOtherNodes: () => {},
    })
    return { made, sent }
  }

  it.each<[string, Family, Want | undefined]>([
    ["its own network", 4, undefined],
    ["both networks", 4, { n4: true, n6: true }],
    ["its own network, IPv6", 6, undefined],
    ["both networks, over IPv6", 6, { n4: true, n6: true }],
  ])(
    "that knows nodes and peers enough answers with less than five times what it was asked, headers included: of %s",
    (_, family, want) => {
      const contact = (host: string): Contact => ({ id: random.bytes(20), host, port: 6881 })
      const responder = new Responder({
        ...{ family, random, hasher, now: 0, ownId: () => random.bytes(20) },
        closest: (of, _target, count) =>
          Array.from({ length: count }, () => contact(of === 4 ? "9.9.9.9" : "2001:db8::9")),
      })
      for (let i = 0; i < 100; i++) {
        responder.peers.add(infoHash, { host: family === 4 ? host(i) : `2001:db8:${i}::1`, port: 1 }, 0)
      }
      const asker = family === 4 ? from : { host: "2001:db8::7", port: 7 }
      const transaction = Uint8Array.of(1, 2)
      const headers = family === 4 ? 28 : 48
      for (const question of [
        { method: "get_peers", infoHash, want } as const,
        { method: "find_node", target: infoHash, want } as const,
      ]) {
        const query = { transaction, id: random.bytes(20), readOnly: false, question }
        const answer = responder.reply({ kind: "query", ...query }, asker, 0)!
        expect(answer.length + headers).toBeLessThan(5 * (encodeQuery(query).length + headers))
      }
    },
  )

  it("stops answering one that asks on and on, and answers nobody when it only reads", () => {
    const ping = encodeQuery({
      transaction: Uint8Array.of(1),
      id: random.bytes(20),
      readOnly: true,
      question: { method: "ping" },
    })
    const { made, sent } = node()
    for (let i = 0; i < 1000; i++) made.receive(ping, from)
    expect(sent).toHaveLength(50)
    const reader = node(true)
    reader.made.receive(ping, from)
    expect(reader.sent).toEqual([])
  })

  it("gives all who ask no more than its share of the line", () => {
    const question: Question = { method: "find_node", target: infoHash }
    const ask = encodeQuery({ transaction: Uint8Array.of(1), id: random.bytes(20), readOnly: true, question })
    const { made, sent } = node()
    for (let i = 0; i < 5000; i++) made.receive(ask, { host: host(i), port: 7 })
    const bytes = sent.reduce((sum, { length }) => sum + length, 0)
    expect(bytes).toBeGreaterThan(30_000)
    expect(bytes).toBeLessThan(42_000)
  })
})
