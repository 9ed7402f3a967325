import { Bitfield } from "../../bytes/bitfield.js"
import type { HashRequest } from "../../metainfo/hash-request.js"
import type { Sha256 } from "../../metainfo/merkle.js"
import type { LayerParts } from "./layer-parts.js"

/** Requests to one peer at a time: with 16 KiB each, as much as is usual for blocks at first (libtorrent: 2). */
const DEPTH = 8
/** Peers of which one part is asked at a time: the second when there is nothing else to ask. */
const MAX_ASKERS = 2
/** ms without an answer until a part is asked of somebody else, as for metadata. */
const REQUEST_TIMEOUT = 20_000
/** A peer that lets so many requests in a row pass without an answer is given up. */
const MAX_TIMEOUTS = 3
/** ms that a peer is left alone after a refusal: at first, and at most. It doubles in between. */
const FIRST_REST = 1_000
const LONGEST_REST = 60_000

/** What the exchange needs of its owner. */
export interface LayerExchangeHost<Peer> {
  /** Sends a request. @returns whether that could be done */
  ask(peer: Peer, request: HashRequest): boolean
  /** It lies, or does not answer: it takes no part any more. */
  drop(peer: Peer, reason: string): void
  /** All is there. Called once. */
  onLayers(): void
}

interface Giver<Peer> {
  readonly peer: Peer
  /** What it is asked for, and since when (ms). */
  readonly asked: Map<HashRequest, { readonly part: number; readonly since: number }>
  restsUntil: number
  refusals: number
  timeouts: number
}

/**
 * Gets the piece layers of a v2 torrent from peers (BEP 52), several at a time. Each answer proves itself, so whoever gives
 * a wrong one is known at once, and nothing of it is kept. Pure: time and peers come from outside.
 */
export class LayerExchange<Peer> {
  readonly #parts: LayerParts
  readonly #sha256: Sha256
  readonly #host: LayerExchangeHost<Peer>
  readonly #givers = new Map<Peer, Giver<Peer>>()
  readonly #have: Bitfield
  /** Parts from here on were asked of nobody yet. */
  #fresh = 0
  /** Those before that were, and came from nobody; the ones that wait for longest are first. */
  readonly #again: number[] = []
  /** Part → how many peers are asked for it. */
  readonly #askers = new Map<number, number>()

  constructor(parts: LayerParts, sha256: Sha256, host: LayerExchangeHost<Peer>) {
    this.#parts = parts
    this.#sha256 = sha256
    this.#host = host
    this.#have = new Bitfield(parts.count)
  }

  /** Peers that may be asked. */
  get giverCount(): number {
    return this.#givers.size
  }

  /** Each of them has refused, when last asked. */
  get refused(): boolean {
    return [...this.#givers.values()].every(({ refusals }) => refusals > 0)
  }

  /** Parts that are there. */
  get received(): number {
    return this.#have.count
  }

  /** A peer that may have the hashes: it speaks v2. */
  joined(peer: Peer, now: number): void {
    if (this.#have.complete || this.#givers.has(peer)) return
    const giver: Giver<Peer> = { peer, asked: new Map(), restsUntil: now, refusals: 0, timeouts: 0 }
    this.#givers.set(peer, giver)
    this.#fill(giver, now)
  }

  /** The peer is gone. */
  left(peer: Peer, now: number): void {
    const giver = this.#givers.get(peer)
    if (giver === undefined) return
    this.#forget(giver)
    this.#fillAll(now)
  }

  /** An answer came to `request`, the very object; undefined: it refuses. @returns whether it brought what was missing */
  onHashes(peer: Peer, request: HashRequest, hashes: Uint8Array | undefined, now: number): boolean {
    const giver = this.#givers.get(peer)
    const asked = giver?.asked.get(request)
    // It may be late.
    if (giver === undefined || asked === undefined) return false
    this.#unask(giver, request)
    if (hashes === undefined) {
      // What was asked for together is refused together: that counts once.
      if (giver.restsUntil <= now) {
        giver.restsUntil = now + Math.min(LONGEST_REST, FIRST_REST * 2 ** giver.refusals)
        giver.refusals++
      }
      this.#fillAll(now)
      return false
    }
    const isNew = !this.#have.has(asked.part)
    if (isNew && !this.#parts.take(asked.part, hashes, this.#sha256)) {
      this.#drop(giver, "its hashes do not lead to the file's root")
      this.#fillAll(now)
      return false
    }
    giver.timeouts = giver.refusals = 0
    this.#have.add(asked.part)
    if (this.#have.complete) {
      this.#givers.clear()
      this.#host.onLayers()
    } else this.#fillAll(now)
    return isNew
  }

  /** Gives up what was not answered. To be called every 250 ms. */
  tick(now: number): void {
    for (const giver of [...this.#givers.values()]) {
      for (const [request, { since }] of [...giver.asked]) {
        if (now - since < REQUEST_TIMEOUT) continue
        this.#unask(giver, request)
        if (++giver.timeouts >= MAX_TIMEOUTS) {
          this.#drop(giver, "it does not answer requests for hashes")
          break
        }
      }
    }
    this.#fillAll(now)
  }

  #fillAll(now: number): void {
    for (const giver of [...this.#givers.values()]) this.#fill(giver, now)
  }

  #fill(giver: Giver<Peer>, now: number): void {
    while (giver.restsUntil <= now && giver.asked.size < DEPTH) {
      const part = this.#next(giver)
      if (part === undefined) return
      const request = this.#parts.request(part)
      giver.asked.set(request, { part, since: now })
      this.#askers.set(part, (this.#askers.get(part) ?? 0) + 1)
      if (this.#host.ask(giver.peer, request)) continue
      this.#unask(giver, request)
      return
    }
  }

  /** What to ask a peer for. What others refused comes last: a peer that lacks some parts must not hide the rest. */
  #next(giver: Giver<Peer>): number | undefined {
    if (this.#fresh < this.#parts.count) return this.#fresh++
    for (let part = this.#again.shift(); part !== undefined; part = this.#again.shift()) {
      if (!this.#have.has(part)) return part
    }
    const own = new Set([...giver.asked.values()].map(({ part }) => part))
    for (const [part, askers] of this.#askers) if (askers < MAX_ASKERS && !own.has(part)) return part
    return undefined
  }

  #drop(giver: Giver<Peer>, reason: string): void {
    this.#forget(giver)
    this.#host.drop(giver.peer, reason)
  }

  #forget(giver: Giver<Peer>): void {
    for (const request of [...giver.asked.keys()]) this.#unask(giver, request)
    this.#givers.delete(giver.peer)
  }

  #unask(giver: Giver<Peer>, request: HashRequest): void {
    const asked = giver.asked.get(request)
    if (asked === undefined) return
    giver.asked.delete(request)
    const { part } = asked
    const askers = (this.#askers.get(part) ?? 0) - 1
    if (askers > 0) this.#askers.set(part, askers)
    else {
      this.#askers.delete(part)
      if (!this.#have.has(part)) this.#again.push(part)
    }
  }
}
