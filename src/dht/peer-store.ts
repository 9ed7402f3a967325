import { endpointKey } from "../bytes/endpoint-key.js"
import { toHex } from "../bytes/hex.js"
import { holdingOf } from "../bytes/ip-scope.js"
import type { Endpoint } from "../ports/net.js"
import type { Random } from "../ports/random.js"

/** ms after which an announce is forgotten (libtorrent, aria2: 30 min; who is there announces again after 15). */
const LIFE = 30 * 60_000
/** Torrents, and peers of each (libtorrent). */
const MAX_TORRENTS = 2000
const MAX_PEERS = 500
/** Peers of all torrents together: some 10 MB. */
const MAX_ENTRIES = 50_000
/** Peers of one torrent at one address, or in one /64 of IPv6: ports, and addresses there, cost an attacker nothing. */
const MAX_OF_OWNER = 10

interface Entry {
  readonly endpoint: Endpoint
  readonly owner: string
  announcedAt: number
}

/** Peers that were announced to us (BEP 5), for half an hour, and no more than fit. */
export class PeerStore {
  readonly #random: Pick<Random, "below">
  /** Peers by torrent, those announced longest ago first. */
  readonly #torrents = new Map<string, Map<string, Entry>>()
  #entries = 0

  constructor(random: Pick<Random, "below">) {
    this.#random = random
  }

  get torrentCount(): number {
    return this.#torrents.size
  }

  get peerCount(): number {
    return this.#entries
  }

  add(infoHash: Uint8Array, endpoint: Endpoint, now: number): void {
    const name = toHex(infoHash)
    let peers = this.#torrents.get(name)
    if (peers === undefined) {
      if (this.#torrents.size >= MAX_TORRENTS) this.#forgetSmallest()
      peers = new Map()
      this.#torrents.set(name, peers)
    }
    const key = endpointKey(endpoint)
    const owner = holdingOf(endpoint.host)
    if (peers.delete(key)) this.#entries--
    else {
      let ofOwner = 0
      for (const other of peers.values()) if (other.owner === owner) ofOwner++
      if (ofOwner >= MAX_OF_OWNER) return
    }
    if (peers.size >= MAX_PEERS) this.#forgetOldest(name, peers)
    while (this.#entries >= MAX_ENTRIES) this.#forgetSmallest(name)
    peers.set(key, { endpoint, owner, announcedAt: now })
    this.#entries++
  }

  /** Up to `count` of a torrent's peers, drawn at random. */
  sample(infoHash: Uint8Array, count: number, now: number): Endpoint[] {
    const name = toHex(infoHash)
    this.#expire(name, now)
    const all = [...(this.#torrents.get(name)?.values() ?? [])]
    const drawn = Math.min(count, all.length)
    for (let i = 0; i < drawn; i++) {
      const other = i + this.#random.below(all.length - i)
      const entry = all[i]!
      all[i] = all[other]!
      all[other] = entry
    }
    return all.slice(0, drawn).map(({ endpoint }) => endpoint)
  }

  /** Forgets what is too old. To be called now and then. */
  sweep(now: number): void {
    for (const name of [...this.#torrents.keys()]) this.#expire(name, now)
  }

  #expire(name: string, now: number): void {
    const peers = this.#torrents.get(name)
    if (peers === undefined) return
    for (const { announcedAt } of peers.values()) {
      if (now - announcedAt < LIFE) break
      this.#forgetOldest(name, peers)
    }
  }

  #forgetOldest(name: string, peers: Map<string, Entry>): void {
    for (const key of peers.keys()) {
      peers.delete(key)
      this.#entries--
      break
    }
    if (peers.size === 0) this.#torrents.delete(name)
  }

  /** Forgets the torrent with the fewest peers: who floods us with made-up ones drives out his own. */
  #forgetSmallest(except?: string): void {
    let smallest: string | undefined
    let size = Number.POSITIVE_INFINITY
    for (const [name, peers] of this.#torrents) {
      if (name === except || peers.size >= size) continue
      smallest = name
      size = peers.size
    }
    if (smallest === undefined) return
    this.#torrents.delete(smallest)
    this.#entries -= size
  }
}
