import { Bitfield } from "../../bytes/bitfield.js"
import type { Taker } from "./taker.js"

/** Pieces that are looked for at the peers in one call. */
const MAX_LOOKS = 10_000

/**
 * Whether another has a full copy, or will have it in a moment: then the first seed's work is done. Its word alone does not
 * count: each piece was given by us, or others have it, too.
 */
export class FullCopy {
  readonly #pieceCount: number
  /** Pieces that somebody asked us for in whole. */
  readonly #given: Bitfield
  /** All pieces before this one are elsewhere, by more than one word. */
  #confirmed = 0

  constructor(pieceCount: number) {
    this.#pieceCount = pieceCount
    this.#given = new Bitfield(pieceCount)
  }

  /** Somebody asked us for all of a piece. */
  gave(piece: number): void {
    this.#given.add(piece)
  }

  /** To be asked again and again: a large torrent takes some calls. */
  isAmong(takers: readonly Taker[]): boolean {
    const isFull = ({ session, given }: Taker): boolean =>
      (session.pieces?.count ?? 0) + given.count >= this.#pieceCount
    if (!takers.some(isFull)) return false
    const end = Math.min(this.#confirmed + MAX_LOOKS, this.#pieceCount)
    while (this.#confirmed < end && this.#isConfirmed(this.#confirmed, takers)) this.#confirmed++
    return this.#confirmed === this.#pieceCount
  }

  #isConfirmed(piece: number, takers: readonly Taker[]): boolean {
    if (this.#given.has(piece)) return true
    let first: string | undefined
    for (const { session, network } of takers) {
      if (network === first || session.pieces?.has(piece) !== true) continue
      if (first !== undefined) return true
      first = network
    }
    return false
  }
}
