/** One who can be asked for blocks. */
export interface BlockSource {
  /** Unique among the sources of the torrent, from 1 on. */
  readonly id: number
  /** Counts in the availability's buckets (a peer that is not a seed): its pieces are never in the rarest, empty one. */
  readonly counted: boolean
  /** While it chokes us: the few pieces it may be asked for all the same (BEP 6); undefined: all it has. */
  readonly onlyPieces: ReadonlySet<number> | undefined
  /** How many pieces it has, choked or not; `Picker.forget` when they have become fewer. */
  readonly pieceCount: number
  hasPiece(piece: number): boolean
  isAsked(block: number): boolean
}
