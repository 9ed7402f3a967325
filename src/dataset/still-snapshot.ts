import { NOTHING_MOVES, type ProgressSnapshot } from "../torrent/statistics/progress.js"

interface Named {
  readonly name: string
  readonly infoHash: string
}

/** Progress while no torrent is at work: nothing moves, and things stand as `how` says. */
export function stillSnapshot(
  { name, infoHash }: Named,
  how: Pick<ProgressSnapshot, "state" | "doneBytes" | "totalBytes"> & Partial<ProgressSnapshot>,
): ProgressSnapshot {
  return { ...NOTHING_MOVES, name, infoHash, ...how }
}

/** Progress when all that is wanted was on disk already, so that no torrent ever went to work. */
export function completeSnapshot(
  dataset: Named,
  { bytes, pieces }: { readonly bytes: number; readonly pieces: number },
): ProgressSnapshot {
  const all = { doneBytes: bytes, totalBytes: bytes, donePieces: pieces, totalPieces: pieces }
  return stillSnapshot(dataset, { state: "complete", ...all })
}
