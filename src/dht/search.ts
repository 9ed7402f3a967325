import { endpointKey } from "../bytes/endpoint-key.js"
import type { Family } from "../bytes/ip.js"
import { count } from "../bytes/words.js"
import type { Endpoint } from "../ports/net.js"
import type { DhtNode } from "./node.js"

/** ms between two rounds for a torrent that has peers (libtorrent announces every 15 min; they are kept for 30). */
const INTERVAL = 15 * 60_000
/** The same when nobody was found. When nobody of those found is of use, it doubles with each round that comes for that. */
const INTERVAL_WITHOUT_PEERS = 60_000
/** The same when no node answered: the first wait, doubled each time, and the longest. */
const FIRST_RETRY = 5_000
const LAST_RETRY = 5 * 60_000
/** Rounds in a row without an answer after which there is no hope. One in which nodes answered says enough. */
const HOPELESS_AFTER = 3
/** Peers taken from one round: a few hundred are more than one can connect to. */
const MAX_PEERS = 500

export interface SearchOptions {
  readonly infoHash: Uint8Array
  readonly onPeers: (peers: readonly Endpoint[]) => void
  /** The TCP port at which a network reaches us; undefined: nobody is told of us. */
  readonly announcePort: (family: Family) => number | undefined
  /** Our nodes, at most one of each network. They may grow in number between two rounds. */
  readonly nodes: readonly DhtNode[]
  readonly now: () => number
  /** No node answered: others are to be found to begin with. */
  readonly onDeaf: () => void
}

/** The search for one torrent's peers in the DHT: a lookup in each network from time to time, and our announce after it. */
export class DhtSearch {
  readonly #options: SearchOptions
  /** Lookups under way. */
  readonly #running = new Set<{ stop(): void }>()
  /** Whom the round was told of, our own announce among them. */
  readonly #found = new Set<string>()
  #rounds = 0
  /** Rounds in a row in which no node answered. */
  #deaf = 0
  #answers = 0
  #nextAt = 0
  /** When the next would come if peers were not needed. */
  #regularAt = 0
  /** Rounds in a row that came before that. */
  #early = 0
  #endedAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: SearchOptions) {
    this.#options = options
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Whether somebody may yet be found. */
  get hopeful(): boolean {
    if (this.#closed) return false
    if (this.#rounds === 0 || this.#running.size > 0) return true
    if (this.#deaf === 0) return this.#others > 0
    return this.#deaf < HOPELESS_AFTER && this.#options.nodes.some(({ hasStarts }) => hasStarts)
  }

  /** How it stands, in a few words. */
  get status(): string {
    const others = this.#others
    if (others > 0) return `the DHT named ${count(others, "peer")}`
    if (this.#rounds === 0 || this.#running.size > 0) return "asking the DHT"
    return this.#deaf > 0 ? "no node of the DHT answers" : "the DHT knows no peer"
  }

  /** Peers are needed: the next round comes as soon as is decent. */
  soon(): void {
    this.#nextAt = Math.min(this.#nextAt, this.#endedAt + INTERVAL_WITHOUT_PEERS * 2 ** this.#early)
  }

  /** Begins a round if one is due and can be had. To be called several times a second. @returns whether it did */
  tick(): boolean {
    const now = this.#options.now()
    if (this.#closed || this.#running.size > 0 || now < this.#nextAt) return false
    if (this.#options.nodes.some(({ busy }) => busy)) return false
    this.#early = now < this.#regularAt ? this.#early + 1 : 0
    this.#nextAt = Number.POSITIVE_INFINITY
    this.#found.clear()
    this.#answers = 0
    // Stands for the round while its lookups begin: the first may end at once.
    const round = { stop() {} }
    this.#running.add(round)
    for (const node of this.#options.nodes) this.#lookUp(node)
    this.#ended(round)
    return true
  }

  close(): void {
    this.#closed = true
    for (const lookup of [...this.#running]) lookup.stop()
  }

  #lookUp(node: DhtNode): void {
    const { infoHash, announcePort } = this.#options
    const running = { stop() {} }
    this.#running.add(running)
    const lookup = node.getPeers(infoHash, {
      onPeers: (peers) => this.#onPeers(peers),
      onDone: (holders, answers) => {
        this.#answers += answers
        const port = announcePort(node.family)
        if (port !== undefined && !this.#closed) node.announce(infoHash, port, holders)
        this.#ended(running)
      },
    })
    running.stop = () => lookup.stop()
  }

  /** Peers that were found: who looks once more is told of his own announce. */
  get #others(): number {
    return this.#found.size - this.#ownKeys().filter((key) => this.#found.has(key)).length
  }

  /** As whom we were announced, as far as we know how others see us. */
  #ownKeys(): string[] {
    const { announcePort, nodes } = this.#options
    return nodes.flatMap(({ address: host, family }) => {
      const port = announcePort(family)
      return host === undefined || port === undefined ? [] : [endpointKey({ host, port })]
    })
  }

  #onPeers(peers: readonly Endpoint[]): void {
    if (this.#closed) return
    const fresh = peers.filter((peer) => {
      const key = endpointKey(peer)
      if (this.#found.size >= MAX_PEERS || this.#found.has(key)) return false
      this.#found.add(key)
      return !this.#ownKeys().includes(key)
    })
    if (fresh.length > 0) this.#options.onPeers(fresh)
  }

  #ended(lookup: { stop(): void }): void {
    if (!this.#running.delete(lookup) || this.#running.size > 0 || this.#closed) return
    this.#rounds++
    this.#deaf = this.#answers > 0 ? 0 : this.#deaf + 1
    this.#endedAt = this.#options.now()
    this.#nextAt = this.#regularAt = this.#endedAt + this.#interval()
    if (this.#deaf > 0) this.#options.onDeaf()
  }

  #interval(): number {
    if (this.#deaf > 0) return Math.min(FIRST_RETRY * 2 ** (this.#deaf - 1), LAST_RETRY)
    return this.#found.size > 0 ? INTERVAL : INTERVAL_WITHOUT_PEERS
  }
}
