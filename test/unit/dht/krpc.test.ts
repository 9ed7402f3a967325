import { describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { decodeMessage, encodeQuery, encodeRefusal, encodeResponse, type Query } from "../../../src/dht/krpc.js"
import { ProtocolError } from "../../../src/errors.js"
import { encode } from "../../../src/metainfo/bencode.js"

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const id = bytes("abcdefghij0123456789")
const other = bytes("mnopqrstuvwxyz123456")
const transaction = bytes("aa")
const ip = { host: "192.0.2.1", port: 258 }
const query = (question: Query["question"]) => ({ kind: "query", transaction, id, readOnly: false, question })

describe("the examples of BEP 5", () => {
  it.each([
    ["ping", "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", { method: "ping" }],
    [
      "find_node",
      "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
      { method: "find_node", target: other, want: undefined },
    ],
    [
      "get_peers",
      "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
      { method: "get_peers", infoHash: other, want: undefined },
    ],
    [
      "announce_peer",
      "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
      { method: "announce_peer", infoHash: other, port: 6881, impliedPort: true, token: bytes("aoeusnth") },
    ],
  ] as const)("a %s query", (_name, text, question) => {
    expect(decodeMessage(bytes(text))).toEqual(query(question))
    // Ours say who we are besides: take that out, and they are the same.
    const ours = String.fromCharCode(...encodeQuery({ transaction, id, readOnly: false, question }))
    expect(ours.replace("1:v4:AT\0\u0001", "")).toBe(text)
  })

  it("a response to ping", () => {
    const message = decodeMessage(bytes("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"))
    expect(message).toMatchObject({ kind: "response", transaction, id: other })
  })

  it("a response with peers", () => {
    const text = "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"
    expect(decodeMessage(bytes(text))).toMatchObject({
      answer: {
        token: bytes("aoeusnth"),
        values: [
          { host: "97.120.106.101", port: 0x2e75 },
          { host: "105.100.104.116", port: 0x6e6d },
        ],
      },
    })
  })

  it("an error", () => {
    const message = decodeMessage(bytes("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"))
    expect(message).toMatchObject({ kind: "error", transaction, code: 201 })
  })
})

describe("what we send", () => {
  it("says that a read-only node is one (BEP 43)", () => {
    const text = String.fromCharCode(...encodeQuery({ transaction, id, readOnly: true, question: { method: "ping" } }))
    expect(text).toContain("2:roi1e")
    expect(decodeMessage(bytes(text))).toMatchObject({ readOnly: true })
  })

  it("asks for both networks when they are wanted (BEP 32)", () => {
    const question = { method: "find_node", target: other, want: { n4: true, n6: true } } as const
    const sent = encodeQuery({ transaction, id, readOnly: false, question })
    expect(String.fromCharCode(...sent)).toContain("4:wantl2:n42:n6e")
    expect(decodeMessage(sent)).toMatchObject({ question })
  })

  it("tells whoever asks where it was seen, at the top level (BEP 42)", () => {
    for (const sent of [
      encodeResponse({ transaction, id, answer: {}, ip }),
      encodeRefusal({ transaction, code: 203, reason: "no", ip }),
    ]) {
      expect(toHex(sent)).toContain(`${toHex(bytes("2:ip6:"))}c00002010102`)
      expect(decodeMessage(sent)).toMatchObject({ ip })
    }
  })
})

describe("what is refused", () => {
  const good = { a: { id }, q: "ping", t: transaction, y: "q" }

  it.each([
    ["no bencode", bytes("GET / HTTP/1.1")],
    ["no dictionary", encode([1, 2])],
    ["no transaction", encode({ ...good, t: undefined })],
    ["a transaction beyond reason", encode({ ...good, t: new Uint8Array(100) })],
    ["an unknown kind", encode({ ...good, y: "z" })],
    ["a response without an id", encode({ t: transaction, y: "r", r: {} })],
    ["too much nesting", bytes(`d1:a${"l".repeat(100)}${"e".repeat(100)}e`)],
    ["too many values", encode({ ...good, x: new Array<number>(600).fill(1) })],
  ])("%s", (_name, datagram) => {
    expect(() => decodeMessage(datagram)).toThrow(ProtocolError)
  })

  it("a query of no use, which is answered with an error", () => {
    const a = { id, info_hash: other, port: 0, token: "t" }
    expect(decodeMessage(encode({ ...good, a: {} }))).toMatchObject({ kind: "misunderstood", code: 203 })
    expect(decodeMessage(encode({ ...good, q: "vote" }))).toMatchObject({ kind: "misunderstood", code: 204 })
    expect(decodeMessage(encode({ ...good, q: "find_node" }))).toMatchObject({ kind: "misunderstood", code: 203 })
    expect(decodeMessage(encode({ ...good, a, q: "announce_peer" }))).toMatchObject({ kind: "misunderstood" })
  })

  it("nodes and peers where nobody can be, one by one", () => {
    const node = (...place: number[]): Uint8Array => Uint8Array.of(...other, ...place)
    const nodes = Uint8Array.of(
      ...node(192, 0, 2, 9, 0, 0),
      ...node(224, 0, 0, 1, 1, 1),
      ...node(192, 0, 2, 9, 1, 2),
      7,
    )
    const values = [
      bytes("axje.u"),
      bytes("short"),
      5,
      Uint8Array.of(0, 0, 0, 0, 1, 1),
      Uint8Array.of(169, 254, 169, 254, 0, 80),
    ]
    const message = decodeMessage(encode({ t: transaction, y: "r", r: { id, nodes, values } }))
    expect(message).toMatchObject({
      answer: {
        nodes: [{ id: other, host: "192.0.2.9", port: 258 }],
        values: [{ host: "97.120.106.101", port: 0x2e75 }],
      },
    })
  })
})
