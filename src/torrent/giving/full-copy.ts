import { Bitfield } from "../../bytes/bitfield.js"
import type { PeerSource } from "../peer-source.js"

/** Pieces that are looked for at the peers in one call. */
const MAX_LOOKS = 10_000

/** What super-seeding knows of a peer. */
interface Taker {
  /** Where it is: those of one network may be one. */
  readonly network: string
  /** What it asked us for in whole and did not say it has. */
  readonly given: Bitfield
}

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
  isAmong(peers: ReadonlyMap<PeerSource, Taker>): boolean {
    const isFull = ([{ session }, { given }]: [PeerSource, Taker]): boolean =>
      (session.pieces?.count ?? 0) + given.count >= this.#pieceCount
    if (![...peers].some(isFull)) return false
    const end = Math.min(this.#confirmed + MAX_LOOKS, this.#pieceCount)
    while (this.#confirmed < end && this.#isConfirmed(this.#confirmed, peers)) this.#confirmed++
    return this.#confirmed === this.#pieceCount
  }

  #isConfirmed(piece: number, peers: ReadonlyMap<PeerSource, Taker>): boolean {
    if (this.#given.has(piece)) return true
    let first: string | undefined
    for (const [{ session }, { network }] of peers) {
      if (network === first || session.pieces?.has(piece) !== true) continue
      if (first !== undefined) return true
      first = network
    }
    return false
  }
}
