import type { Random } from "../ports/random.js"
import type { BlockSource } from "./block-source.js"
import type { Fellows } from "./fellows.js"
import type { PieceBuffer } from "./open-piece.js"
import type { PieceTable } from "./piece-table.js"

/** Pieces taken at random before rarest-first sets in: something to trade comes sooner (BEP 3; libtorrent: 4). */
const RANDOM_FIRST = 4
/** Small pieces are taken in neighbouring groups of this many bytes, so that both disks work in longer strides. */
const STRIDE = 1024 * 1024

/** Which missing piece a source is to begin: the rarest, shared out among fellows, and neighbours in strides. */
export class PieceChoice<B extends PieceBuffer> {
  readonly #table: PieceTable<B>
  readonly #random: Random
  readonly #fellows: Fellows
  /** Where each source left off, so that small pieces come in strides. */
  readonly #last = new Map<number, number>()
  readonly #stride: number
  /**
   * When no missing piece was found for a source: the table's `missingEpoch` plus the pieces it had. Until that grows
   * there is none, and looking for one is O(pieces).
   */
  readonly #foundNothingAt = new Map<number, number>()
  /** How far a piece is ours to fetch: those of one stride belong together. */
  readonly #claim: (piece: number) => number

  constructor(table: PieceTable<B>, random: Random, fellows: Fellows) {
    this.#table = table
    this.#random = random
    this.#fellows = fellows
    this.#stride = Math.max(1, Math.floor(STRIDE / table.layout.pieceLength))
    this.#claim = (piece) => fellows.claim(Math.floor(piece / this.#stride))
  }

  /** The source began the piece. */
  began(source: number, piece: number): void {
    this.#last.set(source, piece)
  }

  /** The source is gone, or has fewer pieces than before. */
  forget(source: number): void {
    this.#last.delete(source)
    this.#foundNothingAt.delete(source)
  }

  /** Undefined: nothing is missing that it can be asked for. */
  missingFor(source: BlockSource): number | undefined {
    if (this.#table.availability.candidates === 0) return undefined
    if (source.onlyPieces !== undefined) return this.#rarestAmong(source.onlyPieces, source)
    const known = this.#table.missingEpoch + source.pieceCount
    if (this.#foundNothingAt.get(source.id) === known) return undefined
    const piece = this.#neighbour(source) ?? this.#search(source)
    if (piece === undefined) this.#foundNothingAt.set(source.id, known)
    return piece
  }

  #search(source: BlockSource): number | undefined {
    const { availability } = this.#table
    const has = (piece: number): boolean => source.hasPiece(piece)
    if (this.#table.have.count + this.#table.open.size < RANDOM_FIRST) {
      const piece = availability.random(has, this.#random)
      if (piece !== undefined) return piece
    }
    const beyond = source.counted ? 1 : 0
    return this.#fellows.size === 0 ? availability.rarest(has, beyond) : availability.rarestBy(this.#claim, has, beyond)
  }

  #rarestAmong(pieces: Iterable<number>, source: BlockSource): number | undefined {
    const { availability } = this.#table
    let rarest: number | undefined
    for (const piece of pieces) {
      if (!availability.isCandidate(piece) || !source.hasPiece(piece)) continue
      if (rarest === undefined || availability.count(piece) < availability.count(rarest)) rarest = piece
    }
    return rarest
  }

  /** The piece after the one the source was given last, inside a stride, when no missing piece is rarer. */
  #neighbour(source: BlockSource): number | undefined {
    const last = this.#last.get(source.id)
    if (last === undefined || this.#stride === 1 || (last + 1) % this.#stride === 0) return undefined
    const next = last + 1
    const { availability, layout } = this.#table
    if (next >= layout.pieceCount || !availability.isCandidate(next) || !source.hasPiece(next)) return undefined
    return availability.count(next) <= availability.lowestCount(source.counted ? 1 : 0) ? next : undefined
  }
}
