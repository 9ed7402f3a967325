import { Bitfield } from "../../bytes/bitfield.js"
import { BLOCK_LENGTH, type TorrentLayout } from "../../metainfo/layout.js"
import type { PeerSession } from "../../peer/peer-session.js"
import { networkOf } from "../network-of.js"

/** Pieces of a peer that may wait to be seen at another one: while one is passed on, the next is on its way. */
export const WINDOW = 2

/** A peer that takes pieces of a super-seed: what it was shown, and what became of that. */
export class Taker {
  readonly session: PeerSession
  /** Where the peer is: those of one network may be one. */
  readonly network: string
  readonly shown: Bitfield
  /** How many pieces it was not shown and does not have. */
  left: number
  /** It counts among the copies as one that has everything. */
  seed = false
  /** Those it asked us for in whole and did not say it has: it has them, or soon, and many don't tell us what we have, too. */
  readonly given: Bitfield
  /** The one it is to ask for now. */
  current: number | undefined
  /** When it was shown the current one, ms. */
  since: number
  /** Of the pieces that it was shown and does not have yet: the blocks that it asked for. */
  readonly asked = new Map<number, Bitfield>()
  /** Those given that were not seen at another peer yet, and since when, ms. */
  readonly waiting = new Map<number, number>()
  /** How many may wait. */
  window = WINDOW
  readonly #layout: TorrentLayout

  constructor(session: PeerSession, layout: TorrentLayout, now: number) {
    this.session = session
    this.network = networkOf(session.remote.host)
    this.#layout = layout
    this.shown = new Bitfield(layout.pieceCount)
    this.left = layout.pieceCount
    this.given = new Bitfield(layout.pieceCount)
    this.since = now
  }

  /** It was not shown the piece, and does not have it. */
  lacks(piece: number): boolean {
    return !this.shown.has(piece) && this.session.pieces?.has(piece) !== true
  }

  /** It asked for some block of the piece that it was shown last. */
  get hasAsked(): boolean {
    return this.current !== undefined && (this.asked.get(this.current)?.count ?? 0) > 0
  }

  /**
   * Counts blocks that are asked for in whole, each once: who asks again and again for one gets nothing new for it.
   * @returns whether that were all of the piece
   */
  ask(piece: number, begin: number, length: number): boolean {
    const blocks = this.asked.get(piece) ?? new Bitfield(this.#layout.blockCount(piece))
    this.asked.set(piece, blocks)
    const end = begin + length
    const last = end === this.#layout.pieceSize(piece) ? blocks.length : Math.floor(end / BLOCK_LENGTH)
    for (let block = Math.ceil(begin / BLOCK_LENGTH); block < last; block++) blocks.add(block)
    return blocks.complete
  }
}
