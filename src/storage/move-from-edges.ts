import { type DataFile, doubtfulStamp } from "./data-file.js"
import { PieceState } from "./journal-state.js"
import type { FilesFound } from "./look-at-files.js"
import type { WritingParts } from "./parts.js"

/**
 * Files that go to their places now and did not before may have bytes in `edges/`: these are copied to their places, made
 * durable there, and only then removed. Returns the files that got some.
 *
 * The journal says that a file is ours before it is made, and that its bytes are at home once they are durable: a run
 * that ends in between finds the edges as they were, and copies again.
 */
export async function moveFromEdges(
  parts: WritingParts,
  candidates: readonly DataFile[],
  found: FilesFound,
): Promise<DataFile[]> {
  const { files, journal, durability, metainfo } = parts
  const edges = files.edges
  if (edges === undefined || edges.pieces.size === 0) return []
  const { layout } = metainfo
  const moves = candidates.flatMap((file) => {
    const { home, pieces } = journal.state
    const free = file.place === "none" || (file.place === "part" && found.owned.has(file))
    if (file.length === 0 || home.has(file.index) || !free) return []
    const { first, end } = layout.piecesOfFile(file.index)
    const held: number[] = []
    const gone: number[] = []
    for (let piece = first; piece < end; piece++) {
      if (pieces[piece] !== PieceState.absent) (edges.pieces.has(piece) ? held : gone).push(piece)
    }
    return held.length === 0 ? [] : [{ file, held, gone }]
  })
  if (moves.length === 0) return []
  for (const { file } of moves) journal.setOurs(file.index)
  await journal.sync()
  for (const { file, held, gone } of moves) {
    file.stamp = undefined
    // Somebody removed them: once the file is at home, nothing would tell that they are not there.
    for (const piece of gone) journal.setPiece(piece, PieceState.absent)
    try {
      for (const piece of held) await copyPiece(parts, file, piece)
      await files.sync(file)
    } catch (error) {
      // So that the next attempt knows the file.
      if (file.place === "part") journal.setStamp(file.index, doubtfulStamp(file))
      throw error
    }
  }
  await durability.flush()
  for (const { file } of moves) {
    journal.setHome(file.index)
    journal.setStamp(file.index, undefined)
  }
  await journal.sync()
  for (const piece of new Set(moves.flatMap(({ held }) => held))) {
    const stillNeeded = layout.extentsOfPiece(piece).some((extent) => !journal.state.home.has(extent.file))
    if (!stillNeeded) await edges.remove(piece)
  }
  return moves.map(({ file }) => file)
}

async function copyPiece({ files, metainfo, journal }: WritingParts, file: DataFile, piece: number): Promise<void> {
  const extent = metainfo.layout.extentIn(piece, file.index)
  const bytes = new Uint8Array(extent.length)
  // What is not there any more is fetched again.
  if (await files.edges!.read(piece, extent.pieceOffset, bytes)) await files.writeTo(file, extent.fileOffset, bytes)
  else journal.setPiece(piece, PieceState.absent)
}
