import type { Contact } from "../../../src/dht/contact.js"
import { decodeMessage, encodeQuery, encodeResponse, MAX_DATAGRAM, type Message } from "../../../src/dht/krpc.js"
import { decodeSaved, encodeSaved } from "../../../src/dht/saved-nodes.js"
import { ProtocolError } from "../../../src/errors.js"
import { must, mustEqual, outcome } from "../lib/expect.js"
import { bencoded, type Target, words } from "../lib/target.js"

const id = (byte: number): Uint8Array => new Uint8Array(20).fill(byte)
const node: Contact = { id: id(1), host: "192.0.2.1", port: 6881 }
const node6: Contact = { id: id(2), host: "2001:db8::1", port: 6881 }
const transaction = Uint8Array.of(1, 2, 3, 4)
const token = Uint8Array.of(9, 9)

export const KRPC_KEYS = words(
  ..."a,r,t,y,q,e,id,target,info_hash,token,nodes,nodes6,values,want,n4,n6,ip,ro,port,implied_port,v".split(","),
  ..."ping,find_node,get_peers,announce_peer,sample_infohashes,put".split(","),
)

export const KRPC_SEEDS: readonly Uint8Array[] = [
  encodeQuery({ transaction, id: id(3), question: { method: "ping" }, readOnly: true }),
  encodeQuery({
    ...{ transaction, id: id(3), readOnly: false },
    question: { method: "find_node", target: id(5), want: { n4: true, n6: true } },
  }),
  encodeQuery({ transaction, id: id(3), question: { method: "get_peers", infoHash: id(5) }, readOnly: false }),
  encodeQuery({
    ...{ transaction, id: id(3), readOnly: false },
    question: { method: "announce_peer", infoHash: id(5), port: 6881, impliedPort: false, token },
  }),
  encodeResponse({
    ...{ transaction, id: id(3), ip: { host: "198.51.100.1", port: 7 } },
    answer: { nodes: [node, node], nodes6: [node6], values: [node, node6], token },
  }),
  ...words("d1:eli203e3:wate1:t2:aa1:y1:ee"),
]

/** BEP 5: a datagram is a fault, or a message that says the same when it is written anew. */
export const krpc: Target = {
  name: "krpc",
  seeds: () => KRPC_SEEDS,
  ...bencoded(KRPC_KEYS),
  check(input) {
    const { value: message } = outcome(() => decodeMessage(input), ProtocolError)
    if (message === undefined) return
    must(input.length <= MAX_DATAGRAM, "it is longer than what is looked at")
    mustBeSound(message)
    const again = written(message)
    if (again !== undefined) mustEqual(decodeMessage(again), message, "written anew it says something else")
  },
}

/** The file that nodes are kept in: nonsense counts as nothing. */
export const savedNodes: Target = {
  name: "saved-nodes",
  seeds: () => [encodeSaved({ id4: id(1), id6: undefined, nodes4: [node], nodes6: [node6] })],
  ...bencoded(words("id4", "id6", "nodes", "nodes6")),
  check(input) {
    const saved = decodeSaved(input)
    must((saved.id4?.length ?? 20) === 20 && (saved.id6?.length ?? 20) === 20, "an id has another length")
    must(saved.nodes4.length <= 200 && saved.nodes6.length <= 200, "too many are kept")
    mustEqual(decodeSaved(encodeSaved(saved)), saved, "written anew it says something else")
  },
}

function mustBeSound(message: Message): void {
  must(message.transaction.length <= 32, "the transaction is too long")
  if (message.kind === "query" || message.kind === "response")
    must(message.id.length === 20, "the id is another length")
  if (message.kind !== "response") return
  const { nodes = [], nodes6 = [], values = [], token: given } = message.answer
  must(given === undefined || (given.length > 0 && given.length <= 64), "the token is too long")
  for (const { host, port } of [...nodes, ...nodes6, ...values]) {
    must(
      port > 0 && port < 65536 && !/^(0\.|224\.|255\.|ff[0-9a-f]{2}:)/.test(host),
      `nobody can be at ${host} ${port}`,
    )
  }
}

/** Undefined for what we would not write, or not so that it fits. */
function written(message: Message): Uint8Array | undefined {
  if (message.kind === "query") return encodeQuery(message)
  if (message.kind !== "response" || message.ip === undefined) return undefined
  const encoded = encodeResponse({ ...message, ip: message.ip })
  return encoded.length <= MAX_DATAGRAM ? encoded : undefined
}
