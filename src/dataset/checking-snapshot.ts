import type { ProgressSnapshot } from "../torrent/statistics/progress.js"

/** Progress while data on disk is being checked, before anything is fetched. */
export function checkingSnapshot(
  dataset: { readonly name: string; readonly infoHash: string },
  doneBytes: number,
  totalBytes: number,
): ProgressSnapshot {
  return {
    name: dataset.name,
    infoHash: dataset.infoHash,
    state: "checking",
    totalBytes,
    doneBytes,
    totalPieces: 0,
    donePieces: 0,
    downloadRate: 0,
    uploadRate: 0,
    eta: null,
    fromPeers: 0,
    fromWebSeeds: 0,
    uploaded: 0,
    wasted: 0,
    peers: { connected: 0, seeds: 0, known: 0 },
    webSeeds: { active: 0, usable: 0, total: 0 },
    waitingFor: null,
  }
}
