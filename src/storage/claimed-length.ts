import type { TorrentLayout } from "../metainfo/layout.js"
import { PieceState } from "./journal-state.js"

/** Bytes that a file (its index) must have at least, for what the journal claims of it. `states`: of the pieces. */
export function claimedLength(layout: TorrentLayout, states: Uint8Array, index: number): number {
  const { first, end } = layout.piecesOfFile(index)
  for (let piece = end - 1; piece >= first; piece--) {
    if (states[piece]! < PieceState.written) continue
    const { fileOffset, length } = layout.extentIn(piece, index)
    return fileOffset + length
  }
  return 0
}
