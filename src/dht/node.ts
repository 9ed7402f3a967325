import { endpointKey } from "../bytes/endpoint-key.js"
import { type Family, familyOf, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import type { Hasher } from "../ports/hasher.js"
import type { Endpoint } from "../ports/net.js"
import type { Random } from "../ports/random.js"
import { AddressVote } from "./address-vote.js"
import { AnnounceQueue } from "./announce-queue.js"
import { type Contact, mayPointTo } from "./contact.js"
import {
  type Answer,
  decodeMessage,
  MAX_DATAGRAM,
  type Query,
  type Question,
  type Response,
  type Want,
} from "./krpc.js"
import { type Holder, Lookup, type Start } from "./lookup.js"
import { ID_LENGTH, idSharing, sameId } from "./node-id.js"
import { Requests } from "./requests.js"
import { Responder } from "./responder.js"
import { K, RoutingTable } from "./routing-table.js"
import { isSecureId, secureId } from "./secure-id.js"

/** Places to begin at that are kept beside the table; the latest. */
const MAX_STARTS = 200
/** ms between two looks at what the table needs. */
const MAINTENANCE = 5_000
/** Nodes of a network taken from one answer: those that BEP 5 allows in it, and a few. */
const MAX_FROM_ANSWER = 2 * K
/** Lookups under way; each has its own reason (a torrent, a stale bucket). With more, the oldest is ended. */
const MAX_LOOKUPS = 64
/** With so many, torrents' next ones wait: all of them share one rate of questions. */
const BUSY = 32

export interface NodeOptions {
  readonly family: Family
  readonly random: Random
  readonly hasher: Pick<Hasher, "digest">
  readonly now: () => number
  readonly send: (datagram: Uint8Array, to: Endpoint) => void
  /** 20 bytes. */
  readonly id: Uint8Array
  /** Whether it answers nobody, and says so (BEP 43). */
  readonly readOnly: () => boolean
  /** The nodes that we know in the other network (BEP 32). */
  readonly otherClosest: (target: Uint8Array, count: number) => Contact[]
  /** Nodes of the other network were named. */
  readonly onOtherNodes: (nodes: readonly Contact[]) => void
}

/** A lookup of a torrent's peers. */
export interface PeerLookup {
  onPeers(peers: readonly Endpoint[]): void
  /** `answers`: nodes that answered. */
  onDone(holders: readonly Holder[], answers: number): void
}

/**
 * Our node in the DHT of one network, IPv4 or IPv6 (BEP 5, 32, 42, 43). It does no I/O and has no timers: datagrams and
 * {@link tick} drive it.
 */
export class DhtNode {
  readonly #options: NodeOptions
  readonly #requests: Requests
  readonly #responder: Responder
  readonly #vote = new AddressVote()
  readonly #lookups = new Set<Lookup>()
  /** By address and port: where a lookup may begin when the table does not suffice. */
  readonly #starts = new Map<string, Start>()
  readonly #announces = new AnnounceQueue((to, question) =>
    this.#ask(to, question, { onAnswer: () => {}, onFailed: () => {} }),
  )
  #table: RoutingTable
  #maintained = Number.NEGATIVE_INFINITY

  constructor(options: NodeOptions) {
    const { random, send } = options
    const now = options.now()
    this.#options = options
    this.#table = new RoutingTable(options.id)
    this.#requests = new Requests({ random, send, now })
    this.#responder = new Responder({
      ...options,
      now,
      ownId: () => this.id,
      closest: (family, target, count) =>
        family === options.family ? this.#table.closest(target, count) : options.otherClosest(target, count),
    })
  }

  get id(): Uint8Array {
    return this.#table.ownId
  }

  /** Nodes that answer. */
  get size(): number {
    return this.#table.size
  }

  /** Where others see us; undefined as long as they do not agree (BEP 42). */
  get address(): string | undefined {
    return this.#vote.address
  }

  get family(): Family {
    return this.#options.family
  }

  /** Peers that others announced to us. */
  get storedPeers(): number {
    return this.#responder.peers.peerCount
  }

  /** So much is looked for that what can wait should. */
  get busy(): boolean {
    return this.#lookups.size >= BUSY
  }

  /** Where a lookup could begin. */
  get hasStarts(): boolean {
    return this.#starts.size > 0 || this.#table.size > 0
  }

  /** What is worth keeping for another time: nodes that answered. */
  contacts(): Contact[] {
    return this.#table.contacts()
  }

  closest(target: Uint8Array, count: number): Contact[] {
    return this.#table.closest(target, count)
  }

  /** Places where a node may be. They count for nothing until they have answered. */
  offer(starts: readonly Start[]): void {
    for (const start of starts) {
      if (familyOf(start.host) !== this.#options.family) continue
      const key = endpointKey(start)
      this.#starts.delete(key)
      this.#starts.set(key, start)
      if (this.#starts.size > MAX_STARTS) this.#starts.delete([...this.#starts.keys()][0]!)
    }
    if (this.#table.size >= K) return
    for (const lookup of this.#lookups) lookup.start(starts)
  }

  /** Asks whoever may be there for a sign of life (BEP 5: after a PORT message). */
  ping(to: Endpoint): void {
    this.#ask(to, { method: "ping" }, { onAnswer: () => {}, onFailed: () => {} })
  }

  /** Looks for a torrent's peers. */
  getPeers(infoHash: Uint8Array, peers: PeerLookup): Lookup {
    return this.#lookUp(infoHash, (want) => ({ method: "get_peers", infoHash, want }), peers)
  }

  /** Looks for the nodes closest to an id: what fills the table. `onDone` has the number of nodes that answered. */
  findNode(target: Uint8Array, onDone: (answers: number) => void): Lookup {
    return this.#lookUp(target, (want) => ({ method: "find_node", target, want }), {
      onPeers: () => {},
      onDone: (_holders, answers) => onDone(answers),
    })
  }

  /** Tells these nodes that we have the torrent, and listen at `port` (BEP 5). */
  announce(infoHash: Uint8Array, port: number, holders: readonly Holder[]): void {
    this.#announces.add(infoHash, port, holders)
  }

  /** A datagram came. Whatever it is, it does no harm. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    // A link-local address with its zone (`%eth0`) has no compact form: such a node can't be told of.
    if (datagram.length > MAX_DATAGRAM || parseIp(from.host) === undefined) return
    try {
      const message = decodeMessage(datagram)
      if (message.kind === "query" || message.kind === "misunderstood") {
        // BEP 43: who reads only answers nobody.
        if (this.#options.readOnly() || !this.#responder.admits(from, this.#options.now())) return
        const reply = this.#responder.reply(message, from, this.#options.now())
        if (reply === undefined) return
        this.#options.send(reply, from)
        if (message.kind === "query") this.#noteAsker(message, from)
      } else if (this.#requests.settle(message, from)) {
        if (message.ip !== undefined) this.#heardAddress(from, message.ip)
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
    }
  }

  /** Time-outs, and care for the table. To be called several times a second. */
  tick(): void {
    const now = this.#options.now()
    this.#requests.tick(now)
    this.#announces.send()
    for (const lookup of [...this.#lookups]) lookup.proceed()
    if (now - this.#maintained < MAINTENANCE) return
    this.#maintained = now
    this.#responder.peers.sweep(now)
    for (const contact of this.#table.questionable(now)) this.ping(contact)
    // Who reads only begins each search anew.
    const stale = this.#options.readOnly() ? undefined : this.#table.takeStale(now)
    if (stale !== undefined) this.findNode(idSharing(this.id, stale, this.#options.random.bytes(ID_LENGTH)), () => {})
  }

  /** Ends all lookups. */
  close(): void {
    for (const lookup of [...this.#lookups]) lookup.stop()
  }

  #lookUp(target: Uint8Array, question: (want: Want | undefined) => Question, peers: PeerLookup): Lookup {
    const lookup = new Lookup(target, {
      ask: (to, answered) =>
        this.#ask(to, question(this.#want()), {
          onAnswer: ({ id, answer }) => {
            const values = answer.values?.filter(({ host }) => mayPointTo(to.host, host)) ?? []
            if (values.length > 0) peers.onPeers(values)
            answered.onAnswer(id, answer, this.#nodesIn(answer, to))
          },
          onLate: () => answered.onLate(),
          onFailed: () => answered.onFailed(),
        }),
      onDone: () => {
        this.#lookups.delete(lookup)
        peers.onDone(lookup.holders(), lookup.answers)
      },
    })
    if (this.#lookups.size >= MAX_LOOKUPS) [...this.#lookups][0]?.stop()
    this.#lookups.add(lookup)
    lookup.start(this.#startsFor(target))
    return lookup
  }

  #startsFor(target: Uint8Array): Start[] {
    const near = this.#table.closest(target, 2 * K)
    return near.length >= K ? near : [...near, ...this.#starts.values()]
  }

  /** Until there are enough nodes, those of both networks are wanted (BEP 32). */
  #want(): Want | undefined {
    return this.#table.size < K ? { n4: true, n6: true } : undefined
  }

  #nodesIn(answer: Answer, from: Endpoint): Contact[] {
    const believable = (contact: Contact): boolean =>
      mayPointTo(from.host, contact.host) && !sameId(contact.id, this.id) && contact.port !== 0
    const { nodes = [], nodes6 = [] } = answer
    const [own = [], other = []] = (this.#options.family === 4 ? [nodes, nodes6] : [nodes6, nodes]).map((named) =>
      named.slice(0, MAX_FROM_ANSWER).filter(believable),
    )
    if (other.length > 0) this.#options.onOtherNodes(other)
    return own
  }

  /** Asks a question; the table learns from what becomes of it. */
  #ask(
    to: Start,
    question: Question,
    then: { onAnswer: (response: Response) => void; onLate?: () => void; onFailed: () => void },
  ): boolean {
    const known = to.id === undefined ? undefined : { id: to.id, host: to.host, port: to.port }
    const { now, readOnly } = this.#options
    return this.#requests.ask(
      to,
      { id: this.id, question, readOnly: readOnly() },
      {
        onAnswer: (response) => {
          if (known !== undefined && !sameId(known.id, response.id)) this.#table.failed(known, now())
          this.#table.answered({ id: response.id, host: to.host, port: to.port }, now())
          then.onAnswer(response)
        },
        onLate: () => then.onLate?.(),
        onFailed: () => {
          if (known !== undefined) this.#table.failed(known, now())
          then.onFailed()
        },
      },
      now(),
    )
  }

  #noteAsker({ id, readOnly }: Query, { host, port }: Endpoint): void {
    // BEP 43: who reads only has no place in a table.
    if (!readOnly && this.#table.asked({ id, host, port }, this.#options.now())) this.ping({ host, port })
  }

  /** A node said where it sees us: with enough of one mind, our id is to fit that address (BEP 42). */
  #heardAddress(from: Endpoint, { host }: Endpoint): void {
    if (familyOf(host) !== this.#options.family || !this.#vote.cast(from.host, host)) return
    const address = parseIp(host)!
    if (isSecureId(this.id, address)) return
    const now = this.#options.now()
    const contacts = this.#table.contacts()
    this.#table = new RoutingTable(secureId(address, this.#options.random.bytes(ID_LENGTH)))
    for (const contact of contacts) this.#table.answered(contact, now)
    this.findNode(this.id, () => {})
  }
}
