import { Bitfield } from "../bytes/bitfield.js"
import type { DataFiles } from "./data-files.js"

/** Which files are wanted; absent: all. */
export function markSelected(files: DataFiles, selected: ReadonlySet<number> | undefined): void {
  for (const file of files.all) if (file !== undefined) file.selected = selected?.has(file.index) ?? true
}

/** The pieces that the selected files need: all of them, padding and all, when every file is selected. */
export function wantedPieces(files: DataFiles): Bitfield {
  const { layout } = files
  const wanted = new Bitfield(layout.pieceCount)
  if (files.all.every((file) => file === undefined || file.selected)) {
    wanted.fill()
    return wanted
  }
  for (const file of files.all) {
    if (file?.selected !== true) continue
    const { first, end } = layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) wanted.add(piece)
  }
  return wanted
}
