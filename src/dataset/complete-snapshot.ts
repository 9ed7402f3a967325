import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import { checkingSnapshot } from "./checking-snapshot.js"

/** Progress when all that is wanted was on disk already, so that no torrent ever went to work. */
export function completeSnapshot(
  dataset: { readonly name: string; readonly infoHash: string },
  { bytes, pieces }: { readonly bytes: number; readonly pieces: number },
): ProgressSnapshot {
  return {
    ...checkingSnapshot(dataset, bytes, bytes),
    state: "complete",
    totalPieces: pieces,
    donePieces: pieces,
  }
}
