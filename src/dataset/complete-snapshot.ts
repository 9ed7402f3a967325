import type { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { ProgressSnapshot } from "../torrent/progress.js"
import { checkingSnapshot } from "./checking-snapshot.js"

/** Progress when all of the selection was there already, so that nothing had to be put to work. */
export function completeSnapshot(
  dataset: Parameters<typeof checkingSnapshot>[0],
  layout: TorrentLayout,
  wanted: Bitfield,
): ProgressSnapshot {
  let bytes = 0
  for (const piece of wanted) bytes += layout.pieceSize(piece)
  const pieces = { totalPieces: wanted.count, donePieces: wanted.count }
  return { ...checkingSnapshot(dataset, bytes, bytes), ...pieces, state: "complete" }
}
