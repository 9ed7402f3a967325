import type { Bitfield } from "../bytes/bitfield.js"
import type { Random } from "../ports/random.js"

/** Bulk changes of at least this many pieces are sorted in before the next pick rather than one by one. */
const BULK = 50
/** Pieces among which the most valuable is chosen: with four downloaders, all of them are others' one time in a hundred. */
const LOOKS = 16

/**
 * How many connected peers have each piece, and the missing pieces in that order.
 *
 * `order` holds the candidates (pieces that may be picked) sorted by count: bucket `c` is `order[edges[c]..edges[c+1])`.
 * A HAVE moves a piece across one bucket edge: O(1). Becoming or ceasing to be a candidate costs one step a bucket.
 * Seeds are one counter: they would add the same to every piece. Inside a bucket the order is random (BEP 3: rarest
 * first with random ties), as a new candidate takes a random place in its bucket and swaps keep it so.
 */
export class Availability {
  readonly #counts: Uint16Array
  readonly #order: Uint32Array
  readonly #position: Uint32Array
  readonly #candidate: Uint8Array
  /** Start of each bucket, and last the end of them all. */
  #edges: number[] = [0, 0]
  readonly #random: Random
  #dirty = false
  #seeds = 0

  constructor(pieceCount: number, random: Random) {
    this.#counts = new Uint16Array(pieceCount)
    this.#order = new Uint32Array(pieceCount)
    this.#position = new Uint32Array(pieceCount)
    this.#candidate = new Uint8Array(pieceCount)
    this.#random = random
    for (let i = 0; i < pieceCount; i++) {
      this.#order[i] = i
      this.#position[i] = i
    }
  }

  /** Connected peers that have everything. */
  get seeds(): number {
    return this.#seeds
  }

  /** Pieces that may be picked. */
  get candidates(): number {
    return this.#edges[this.#edges.length - 1]!
  }

  isCandidate(piece: number): boolean {
    return this.#candidate[piece] === 1
  }

  /** Connected peers that have the piece. */
  count(piece: number): number {
    return this.#counts[piece]! + this.#seeds
  }

  /** True when connected peers that are no seeds have the piece. */
  isShared(piece: number): boolean {
    return this.#counts[piece]! > 0
  }

  addSeed(): void {
    this.#seeds++
  }

  removeSeed(): void {
    this.#seeds--
  }

  /** A peer that is not a seed arrived with these pieces. */
  addPeer(pieces: Bitfield): void {
    this.#changePeer(pieces, 1)
  }

  /** A peer that came through {@link addPeer} left. `pieces` is what it had at the end. */
  removePeer(pieces: Bitfield): void {
    this.#changePeer(pieces, -1)
  }

  /** A peer that came through {@link addPeer} has one more. */
  addHave(piece: number): void {
    if (this.#candidate[piece] === 1 && !this.#dirty) this.#moveUp(piece)
    else this.#counts[piece]!++
  }

  /** A peer that came through {@link addPeer} has one less. */
  removeHave(piece: number): void {
    if (this.#candidate[piece] === 1 && !this.#dirty) this.#moveDown(piece)
    else this.#counts[piece]!--
  }

  /** The piece may be picked from now on. */
  addCandidate(piece: number): void {
    if (this.#candidate[piece] === 1) return
    this.#candidate[piece] = 1
    const edges = this.#edges
    if (!this.#dirty) this.#growTo(this.#counts[piece]!)
    const end = edges[edges.length - 1]!
    this.#swap(this.#position[piece]!, end)
    edges[edges.length - 1] = end + 1
    if (this.#dirty) {
      this.#swap(end, this.#random.below(end + 1))
      return
    }
    const count = this.#counts[piece]!
    for (let bucket = edges.length - 2; bucket > count; bucket--) {
      this.#swap(this.#position[piece]!, edges[bucket]!)
      edges[bucket]!++
    }
    const first = edges[count]!
    this.#swap(this.#position[piece]!, first + this.#random.below(edges[count + 1]! - first))
  }

  /** The piece may not be picked any more. */
  removeCandidate(piece: number): void {
    if (this.#candidate[piece] === 0) return
    this.#candidate[piece] = 0
    const edges = this.#edges
    // While dirty there are no buckets to respect, only the outer edge.
    for (let bucket = this.#dirty ? edges.length - 2 : this.#counts[piece]!; bucket < edges.length - 1; bucket++) {
      const last = edges[bucket + 1]! - 1
      this.#swap(this.#position[piece]!, last)
      edges[bucket + 1] = last
    }
    if (this.#dirty) for (let b = 0; b < edges.length - 1; b++) edges[b] = Math.min(edges[b]!, this.candidates)
  }

  /** The first candidate, rarest first, that `has` accepts. `beyond` > 0 leaves out pieces fewer peers than that have, seeds aside. */
  rarest(has: (piece: number) => boolean, beyond = 0): number | undefined {
    this.#settle()
    const end = this.candidates
    for (let i = beyond < this.#edges.length ? this.#edges[beyond]! : end; i < end; i++) {
      const piece = this.#order[i]!
      if (has(piece)) return piece
    }
    return undefined
  }

  /** The same, and of the pieces that are as rare the one of most `value`, of a few taken at random. */
  rarestBy(value: (piece: number) => number, has: (piece: number) => boolean, beyond = 0): number | undefined {
    let best = this.rarest(has, beyond)
    if (best === undefined) return undefined
    const first = this.#position[best]!
    const equals = this.#edges[this.#counts[best]! + 1]! - first
    let most = value(best)
    for (let look = 1; look < Math.min(equals, LOOKS); look++) {
      const piece = this.#order[first + (equals <= LOOKS ? look : this.#random.below(equals))]!
      const worth = value(piece)
      if (worth <= most || !has(piece)) continue
      best = piece
      most = worth
    }
    return best
  }

  /** How many have the rarest candidate; `beyond` as for {@link rarest}. 0 without candidates. */
  lowestCount(beyond = 0): number {
    this.#settle()
    const first = beyond < this.#edges.length ? this.#edges[beyond]! : this.candidates
    return first < this.candidates ? this.count(this.#order[first]!) : 0
  }

  /** A candidate at random that `has` accepts, after a few tries; undefined when none was hit. */
  random(has: (piece: number) => boolean, random: Random): number | undefined {
    for (let tries = 0; tries < 8 && this.candidates > 0; tries++) {
      const piece = this.#order[random.below(this.candidates)]!
      if (has(piece)) return piece
    }
    return undefined
  }

  /** Throws when the books are wrong; for tests. */
  assertInvariants(): void {
    this.#settle()
    const edges = this.#edges
    for (let piece = 0; piece < this.#counts.length; piece++) {
      const position = this.#position[piece]!
      const count = this.#counts[piece]!
      if (this.#order[position] !== piece) throw new Error(`piece ${piece} is not where its position says`)
      const inBucket = position >= (edges[count] ?? Infinity) && position < (edges[count + 1] ?? -Infinity)
      if ((this.#candidate[piece] === 1) !== inBucket) throw new Error(`piece ${piece} is in a wrong bucket`)
    }
  }

  #changePeer(pieces: Bitfield, by: 1 | -1): void {
    if (pieces.count >= BULK) this.#dirty = true
    for (const piece of pieces) {
      if (this.#dirty || this.#candidate[piece] === 0) this.#counts[piece]! += by
      else if (by === 1) this.#moveUp(piece)
      else this.#moveDown(piece)
    }
  }

  #moveUp(piece: number): void {
    const count = this.#counts[piece]!
    this.#growTo(count + 1)
    const last = this.#edges[count + 1]! - 1
    this.#swap(this.#position[piece]!, last)
    this.#edges[count + 1] = last
    this.#counts[piece] = count + 1
  }

  #moveDown(piece: number): void {
    const count = this.#counts[piece]!
    const first = this.#edges[count]!
    this.#swap(this.#position[piece]!, first)
    this.#edges[count] = first + 1
    this.#counts[piece] = count - 1
  }

  /** Makes sure that bucket `count` exists. */
  #growTo(count: number): void {
    while (this.#edges.length < count + 2) this.#edges.push(this.candidates)
  }

  #swap(a: number, b: number): void {
    const pieceA = this.#order[a]!
    const pieceB = this.#order[b]!
    this.#order[a] = pieceB
    this.#order[b] = pieceA
    this.#position[pieceA] = b
    this.#position[pieceB] = a
  }

  /** Sorts the candidates anew (a stable counting sort, so that random ties stay random). */
  #settle(): void {
    if (!this.#dirty) return
    this.#dirty = false
    const total = this.candidates
    let highest = 0
    for (let i = 0; i < total; i++) highest = Math.max(highest, this.#counts[this.#order[i]!]!)
    const edges = new Array<number>(highest + 2).fill(0)
    for (let i = 0; i < total; i++) edges[this.#counts[this.#order[i]!]! + 1]!++
    for (let bucket = 1; bucket < edges.length; bucket++) edges[bucket]! += edges[bucket - 1]!
    const next = edges.slice()
    const previous = this.#order.slice(0, total)
    for (const piece of previous) {
      const position = next[this.#counts[piece]!]!++
      this.#order[position] = piece
      this.#position[piece] = position
    }
    this.#edges = edges
  }
}
