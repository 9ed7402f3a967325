import type { Family } from "../bytes/ip.js"
import type { Hasher } from "../ports/hasher.js"
import type { Endpoint } from "../ports/net.js"
import type { Random } from "../ports/random.js"
import { Budget } from "./budget.js"
import { type Contact, endpointLength, mayPointTo } from "./contact.js"
import { FloodGuard } from "./flood-guard.js"
import {
  type Answer,
  encodeRefusal,
  encodeResponse,
  KRPC_ERROR,
  type Misunderstood,
  type Query,
  type Want,
} from "./krpc.js"
import { PeerStore } from "./peer-store.js"
import { K } from "./routing-table.js"
import { Tokens } from "./tokens.js"

/** Bytes a second that go out as answers, and seconds of them at once (libtorrent: 8000). */
const RATE = 8_000
const BURST = 5
/**
 * Bytes of peers in an answer. With the nodes it stays below five times the size of the shortest question, headers
 * included: whoever forges a sender's address gains little.
 */
const MAX_VALUES = 240
/** Bytes of a compact peer's entry in a list beside the peer: "6:" or "18:". */
const VALUE_HEADER = 3

export interface ResponderOptions {
  readonly family: Family
  readonly random: Random
  readonly hasher: Pick<Hasher, "digest">
  readonly now: number
  readonly ownId: () => Uint8Array
  /** The nodes we know of a network that are closest to an id. */
  readonly closest: (family: Family, target: Uint8Array, count: number) => Contact[]
}

/** Answers queries (BEP 5, 32), as far as the rates allow. */
export class Responder {
  readonly #options: ResponderOptions
  readonly #guard = new FloodGuard()
  readonly #budget: Budget
  readonly #tokens: Tokens
  readonly peers: PeerStore

  constructor(options: ResponderOptions) {
    this.#options = options
    this.#budget = new Budget(RATE, BURST, options.now)
    this.#tokens = new Tokens(options)
    this.peers = new PeerStore(options.random)
  }

  /** Whether a query from there is to be dealt with at all. */
  admits(from: Endpoint, now: number): boolean {
    return this.#guard.admits(from, now)
  }

  /** The datagram to send back; undefined when there is none to spare. */
  reply(query: Query | Misunderstood, from: Endpoint, now: number): Uint8Array | undefined {
    const datagram = query.kind === "query" ? this.#answer(query, from, now) : encodeRefusal({ ...query, ip: from })
    return this.#budget.take(datagram.length, now) ? datagram : undefined
  }

  #answer(query: Query, from: Endpoint, now: number): Uint8Array {
    const { question, transaction } = query
    const respond = (answer: Answer): Uint8Array =>
      encodeResponse({ transaction, id: this.#options.ownId(), answer, ip: from })
    switch (question.method) {
      case "ping":
        return respond({})
      case "find_node":
        return respond(this.#nodes(question.target, question.want, from, 2 * K))
      case "get_peers": {
        const { family } = this.#options
        const { infoHash, want } = question
        const count = Math.floor(MAX_VALUES / (endpointLength(family) + VALUE_HEADER))
        const values = this.peers.sample(infoHash, count, now).filter(({ host }) => mayPointTo(from.host, host))
        return respond({
          ...this.#nodes(infoHash, want, from, values.length > 0 ? K : 2 * K),
          token: this.#tokens.make(from.host, infoHash, now),
          ...(values.length > 0 && { values }),
        })
      }
      case "announce_peer": {
        const { infoHash, token, impliedPort, port } = question
        if (!this.#tokens.isValid(token, from.host, infoHash, now)) {
          return encodeRefusal({ transaction, code: KRPC_ERROR.protocol, reason: "wrong token", ip: from })
        }
        this.peers.add(infoHash, { host: from.host, port: impliedPort ? from.port : port }, now)
        return respond({})
      }
    }
  }

  /** K of a network, and `most` in all. */
  #nodes(target: Uint8Array, want: Want | undefined, asker: Endpoint, most: number): Answer {
    const { family } = this.#options
    const closest = (of: Family, count: number): Contact[] =>
      this.#options.closest(of, target, count).filter(({ host }) => mayPointTo(asker.host, host))
    const wanted = want === undefined || !(want.n4 || want.n6) ? { n4: family === 4, n6: family === 6 } : want
    const each = wanted.n4 && wanted.n6 ? most / 2 : K
    return {
      ...(wanted.n4 && { nodes: closest(4, each) }),
      ...(wanted.n6 && { nodes6: closest(6, each) }),
    }
  }
}
