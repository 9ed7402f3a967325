import { ProtocolError } from "../errors.js"
import {
  asBytes,
  asDictionary,
  type BencodeDictionary,
  type BencodeInput,
  type BencodeLimits,
  decode,
  encode,
} from "../metainfo/bencode.js"
import type { Endpoint } from "../ports/net.js"
import { type Contact, decodeContacts, decodeEndpoint, encodeContacts, encodeEndpoint } from "./contact.js"
import { ID_LENGTH } from "./node-id.js"

/** Larger datagrams are not even looked at: BEP 32 allows 1024 bytes, and some exceed that up to what a frame holds. */
export const MAX_DATAGRAM = 2048

/** No message has more than a hundred values, of which few are nested. */
const LIMITS: BencodeLimits = { length: MAX_DATAGRAM, depth: 8, tokens: 500 }

/** Ours are 4 bytes; others may be longer, and are to be sent back as they are. */
const MAX_TRANSACTION = 32

/** A token is the other node's, and sent back as it is. */
const MAX_TOKEN = 64

/** Client and version (BEP 5, 20). */
const VERSION = Uint8Array.of(0x41, 0x54, 0, 1)

/** Of which networks nodes are wanted (BEP 32). */
export interface Want {
  readonly n4: boolean
  readonly n6: boolean
}

/** What is asked. `want` undefined: of the network the question came over. */
export type Question =
  | { readonly method: "ping" }
  | { readonly method: "find_node"; readonly target: Uint8Array; readonly want?: Want | undefined }
  | { readonly method: "get_peers"; readonly infoHash: Uint8Array; readonly want?: Want | undefined }
  | {
      readonly method: "announce_peer"
      readonly infoHash: Uint8Array
      readonly port: number
      /** The port is that of the datagram. */
      readonly impliedPort: boolean
      readonly token: Uint8Array
    }

export interface Query {
  readonly kind: "query"
  readonly transaction: Uint8Array
  readonly id: Uint8Array
  readonly question: Question
  /** The sender answers nobody (BEP 43). */
  readonly readOnly: boolean
}

/** What an answer may hold. */
export interface Answer {
  readonly nodes?: readonly Contact[] | undefined
  readonly nodes6?: readonly Contact[] | undefined
  readonly values?: readonly Endpoint[] | undefined
  readonly token?: Uint8Array | undefined
}

export interface Response {
  readonly kind: "response"
  readonly transaction: Uint8Array
  readonly id: Uint8Array
  readonly answer: Answer
  /** Where it saw our query come from (BEP 42). */
  readonly ip: Endpoint | undefined
}

export interface Refusal {
  readonly kind: "error"
  readonly transaction: Uint8Array
  readonly code: number
  readonly ip: Endpoint | undefined
}

/** A query that can't be understood; its sender may be told so. */
export interface Misunderstood {
  readonly kind: "misunderstood"
  readonly transaction: Uint8Array
  readonly code: number
  readonly reason: string
}

export type Message = Query | Response | Refusal | Misunderstood

/** BEP 5. */
export const KRPC_ERROR = { protocol: 203, unknownMethod: 204 } as const

/**
 * Understands a datagram. Nothing in the result is a view of it.
 *
 * @throws ProtocolError when it is no message that could be answered
 */
export function decodeMessage(datagram: Uint8Array): Message {
  const message = asDictionary(decode(datagram, LIMITS))
  const transaction = message?.bytes("t")?.slice()
  if (message === undefined || transaction === undefined || transaction.length > MAX_TRANSACTION) {
    throw new ProtocolError("no KRPC message")
  }
  const kind = message.text("y")
  if (kind === "q") return decodeQuery(message, transaction)
  if (kind === "r") return decodeResponse(message, transaction)
  if (kind !== "e") throw new ProtocolError("a KRPC message of an unknown kind")
  const code = message.list("e")?.[0]
  return { kind: "error", transaction, code: typeof code === "number" ? code : 0, ip: ipIn(message) }
}

export function encodeQuery({ transaction, id, question, readOnly }: Omit<Query, "kind">): Uint8Array {
  return encode({
    a: { id, ...argumentsOf(question) },
    q: question.method,
    ro: readOnly ? 1 : undefined,
    ...head("q", transaction),
  })
}

export function encodeResponse(response: Omit<Response, "kind" | "ip"> & { readonly ip: Endpoint }): Uint8Array {
  const { id, answer, ip, transaction } = response
  const r: Record<string, BencodeInput | undefined> = {
    id,
    nodes: answer.nodes === undefined ? undefined : encodeContacts(answer.nodes, 4),
    nodes6: answer.nodes6 === undefined ? undefined : encodeContacts(answer.nodes6, 6),
    token: answer.token,
    values: answer.values?.map(encodeEndpoint),
  }
  return encode({ ip: encodeEndpoint(ip), r, ...head("r", transaction) })
}

export function encodeRefusal(refusal: Omit<Misunderstood, "kind"> & { readonly ip: Endpoint }): Uint8Array {
  const { code, reason, ip, transaction } = refusal
  return encode({ e: [code, reason], ip: encodeEndpoint(ip), ...head("e", transaction) })
}

function head(y: string, transaction: Uint8Array): Record<string, BencodeInput> {
  return { t: transaction, v: VERSION, y }
}

function argumentsOf(question: Question): Record<string, BencodeInput | undefined> {
  switch (question.method) {
    case "ping":
      return {}
    case "find_node":
      return { target: question.target, want: encodeWant(question.want) }
    case "get_peers":
      return { info_hash: question.infoHash, want: encodeWant(question.want) }
    case "announce_peer": {
      const { infoHash, port, impliedPort, token } = question
      return { implied_port: impliedPort ? 1 : undefined, info_hash: infoHash, port, token }
    }
  }
}

function decodeQuery(message: BencodeDictionary, transaction: Uint8Array): Query | Misunderstood {
  const values = message.dictionary("a")
  const id = values === undefined ? undefined : idIn(values, "id")
  const misunderstood = (code: number, reason: string): Misunderstood => ({
    kind: "misunderstood",
    transaction,
    code,
    reason,
  })
  if (values === undefined || id === undefined) return misunderstood(KRPC_ERROR.protocol, "no id")
  const question = decodeQuestion(message.text("q") ?? "", values)
  if (question === "unknown") return misunderstood(KRPC_ERROR.unknownMethod, "unknown method")
  if (question === undefined) return misunderstood(KRPC_ERROR.protocol, "an argument is missing or wrong")
  return { kind: "query", transaction, id, question, readOnly: message.integer("ro") === 1 }
}

function decodeResponse(message: BencodeDictionary, transaction: Uint8Array): Response {
  const values = message.dictionary("r")
  const id = values === undefined ? undefined : idIn(values, "id")
  if (values === undefined || id === undefined) throw new ProtocolError("a response without an id")
  return { kind: "response", transaction, id, answer: decodeAnswer(values), ip: ipIn(message) }
}

function decodeQuestion(method: string, values: BencodeDictionary): Question | "unknown" | undefined {
  const infoHash = idIn(values, "info_hash")
  const target = idIn(values, "target")
  const want = decodeWant(values)
  switch (method) {
    case "ping":
      return { method }
    case "find_node":
      return target && { method, target, want }
    case "get_peers":
      return infoHash && { method, infoHash, want }
    case "announce_peer": {
      const impliedPort = (values.integer("implied_port") ?? 0) !== 0
      const port = values.integer("port") ?? 0
      const token = tokenIn(values)
      if (infoHash === undefined || token === undefined) return undefined
      if (!impliedPort && (port < 1 || port > 65535)) return undefined
      return { method, infoHash, port, impliedPort, token }
    }
    default:
      return "unknown"
  }
}

function decodeAnswer(values: BencodeDictionary): Answer {
  const nodes = values.bytes("nodes")
  const nodes6 = values.bytes("nodes6")
  return {
    nodes: nodes && decodeContacts(nodes, 4),
    nodes6: nodes6 && decodeContacts(nodes6, 6),
    // BEP 32: be prepared for both kinds in one list.
    values: values.list("values")?.flatMap((value) => decodeEndpoint(asBytes(value) ?? new Uint8Array(0)) ?? []),
    token: tokenIn(values),
  }
}

function encodeWant(want: Want | undefined): string[] | undefined {
  return want && [...(want.n4 ? ["n4"] : []), ...(want.n6 ? ["n6"] : [])]
}

function decodeWant(values: BencodeDictionary): Want | undefined {
  const names = values.list("want")?.map((name) => String.fromCharCode(...(asBytes(name)?.subarray(0, 2) ?? [])))
  return names && { n4: names.includes("n4"), n6: names.includes("n6") }
}

function idIn(values: BencodeDictionary, key: string): Uint8Array | undefined {
  const id = values.bytes(key)
  return id?.length === ID_LENGTH ? id.slice() : undefined
}

function tokenIn(values: BencodeDictionary): Uint8Array | undefined {
  const token = values.bytes("token")
  return token !== undefined && token.length > 0 && token.length <= MAX_TOKEN ? token.slice() : undefined
}

/** BEP 42 has address and port; some send the address alone. */
function ipIn(message: BencodeDictionary): Endpoint | undefined {
  const bytes = message.bytes("ip")
  if (bytes === undefined) return undefined
  const whole = bytes.length === 4 || bytes.length === 16 ? Uint8Array.of(...bytes, 0, 1) : bytes
  return decodeEndpoint(whole)
}
