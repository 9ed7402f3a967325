import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Family } from "../../src/bytes/ip.js"
import { formatIp } from "../../src/bytes/ip.js"
import { ipScope } from "../../src/bytes/ip-scope.js"
import type { Contact } from "../../src/dht/contact.js"
import { decodeMessage, encodeQuery, encodeResponse, type Question } from "../../src/dht/krpc.js"
import { DhtNode } from "../../src/dht/node.js"
import { RoutingTable } from "../../src/dht/routing-table.js"
import { decodeSaved, encodeSaved } from "../../src/dht/saved-nodes.js"
import { ProtocolError } from "../../src/errors.js"
import { encode } from "../../src/metainfo/bencode.js"
import { seededRandom } from "../support/seeded-random.js"

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const id = bytes(20)
const transaction = fc.uint8Array({ minLength: 1, maxLength: 32 })
const token = fc.uint8Array({ minLength: 1, maxLength: 64 })
const port = fc.integer({ min: 1, max: 65535 })
const host = (family: Family): fc.Arbitrary<string> =>
  bytes(family === 4 ? 4 : 16)
    .filter((address) => ipScope(address) !== "refused" && formatIp(address).includes(":") === (family === 6))
    .map(formatIp)
const endpoint = (family: Family) => fc.record({ host: host(family), port })
const contact = (family: Family): fc.Arbitrary<Contact> => fc.record({ id, host: host(family), port })
const want = fc.option(fc.record({ n4: fc.boolean(), n6: fc.boolean() }), { nil: undefined })

const question: fc.Arbitrary<Question> = fc.oneof(
  fc.constant({ method: "ping" } as const),
  fc.record({ method: fc.constant("find_node" as const), target: id, want }),
  fc.record({ method: fc.constant("get_peers" as const), infoHash: id, want }),
  fc.record({ method: fc.constant("announce_peer" as const), infoHash: id, port, impliedPort: fc.boolean(), token }),
)

describe("KRPC", () => {
  it("a query is read as it was written", () => {
    fc.assert(
      fc.property(transaction, id, question, fc.boolean(), (t, sender, asked, readOnly) => {
        const message = { transaction: t, id: sender, question: asked, readOnly }
        expect(decodeMessage(encodeQuery(message))).toEqual({ kind: "query", ...message })
      }),
    )
  })

  it("a response is read as it was written", () => {
    const answer = fc.record(
      {
        nodes: fc.array(contact(4), { maxLength: 8 }),
        nodes6: fc.array(contact(6), { maxLength: 8 }),
        values: fc.array(fc.oneof(endpoint(4), endpoint(6)), { maxLength: 30 }),
        token,
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(transaction, id, answer, fc.oneof(endpoint(4), endpoint(6)), (t, sender, given, ip) => {
        const message = { transaction: t, id: sender, answer: given, ip }
        expect(decodeMessage(encodeResponse(message))).toEqual({ kind: "response", ...message })
      }),
    )
  })

  it("anything else is refused as a fault of the other side", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.uint8Array({ maxLength: 80 }),
        fc.integer(),
        fc.array(tie("value"), { maxLength: 5 }),
        fc.dictionary(
          fc.constantFrom("a", "r", "t", "y", "q", "e", "id", "nodes", "values", "token", "want", "ip", "ro", "port"),
          tie("value"),
        ),
      ),
    })).value as fc.Arbitrary<Uint8Array>
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), value.map(encode)), (datagram) => {
        try {
          decodeMessage(datagram)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("does a node no harm, whatever comes from wherever, even with some bytes of a good message changed", () => {
    const random = seededRandom(1)
    const node = new DhtNode({
      ...{ family: 4, random, readOnly: () => false, id: random.bytes(20) },
      hasher: { digest: (_, data) => data.slice(0, 20) },
      now: () => 0,
      send: () => {},
      otherClosest: () => [],
      onOtherNodes: () => {},
    })
    fc.assert(
      fc.property(
        transaction,
        id,
        question,
        endpoint(4),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (t, sender, asked, from, changes) => {
          const datagram = encodeQuery({ transaction: t, id: sender, question: asked, readOnly: false })
          for (const [at, byte] of changes) datagram[at % datagram.length] = byte
          node.receive(datagram, from)
        },
      ),
    )
  })
})

describe("kept nodes", () => {
  it("are read as they were written", () => {
    const saved = fc.record({
      id4: fc.option(id, { nil: undefined }),
      id6: fc.option(id, { nil: undefined }),
      nodes4: fc.array(contact(4), { maxLength: 200 }),
      nodes6: fc.array(contact(6), { maxLength: 50 }),
    })
    fc.assert(
      fc.property(saved, (state) => {
        expect(decodeSaved(encodeSaved(state))).toEqual(state)
      }),
      { numRuns: 50 },
    )
  })

  it("are none when the file is anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (garbage) => {
        const { nodes4, nodes6 } = decodeSaved(garbage)
        expect(nodes4.length + nodes6.length).toBeLessThan(30)
      }),
    )
    expect(decodeSaved(new Uint8Array(1 << 20).fill(0x64)).nodes4).toEqual([])
  })
})

describe("the routing table", () => {
  it("keeps its books right, whatever happens", () => {
    // Few ids and few hosts, so that they meet.
    const someone = fc.record({
      id: fc.tuple(fc.nat(255), fc.nat(3)).map(([first, last]) => Uint8Array.of(first, ...new Uint8Array(18), last)),
      host: fc.oneof(
        fc.nat(40).map((n) => `9.9.9.${n}`),
        fc.nat(3).map((n) => `10.0.0.${n}`),
      ),
      port: fc.integer({ min: 1, max: 3 }),
    })
    const event = fc.record({
      what: fc.constantFrom("answered" as const, "answered" as const, "failed" as const, "asked" as const),
      who: someone,
      after: fc.constantFrom(0, 1, 1000, 1_000_000),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (events) => {
        const table = new RoutingTable(new Uint8Array(20))
        let now = 0
        for (const { what, who, after } of events) {
          now += after
          table[what](who, now)
          table.questionable(now)
          table.takeStale(now)
        }
        table.assertInvariants()
        expect(table.contacts().length).toBeLessThanOrEqual(table.size)
      }),
    )
  })
})
