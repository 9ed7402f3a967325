import type { PieceStore } from "../storage/piece-store.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { checkingSnapshot } from "./checking-snapshot.js"

/** Progress when all that is wanted was on disk already, so that no torrent ever went to work. */
export function completeSnapshot(
  dataset: { readonly name: string; readonly infoHash: string },
  store: Pick<PieceStore, "wanted">,
  layout: { pieceSize(piece: number): number },
): ProgressSnapshot {
  let bytes = 0
  for (const piece of store.wanted) bytes += layout.pieceSize(piece)
  const pieces = store.wanted.count
  return {
    ...checkingSnapshot(dataset, bytes, bytes),
    state: "complete",
    totalPieces: pieces,
    donePieces: pieces,
  }
}
