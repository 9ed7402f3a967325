import { NOTHING_MOVES, type ProgressSnapshot } from "../torrent/statistics/progress.js"

/** Progress while data on disk is being checked, before anything is fetched. */
export function checkingSnapshot(
  dataset: { readonly name: string; readonly infoHash: string },
  doneBytes: number,
  totalBytes: number,
): ProgressSnapshot {
  return {
    ...NOTHING_MOVES,
    name: dataset.name,
    infoHash: dataset.infoHash,
    state: "checking",
    totalBytes,
    doneBytes,
  }
}
