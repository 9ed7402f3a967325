import { Bitfield } from "../bytes/bitfield.js"
import type { DataFiles } from "./data-files.js"

/** Which files are wanted; absent: all. */
export function markSelected(files: DataFiles, selected: ReadonlySet<number> | undefined): void {
  for (const file of files.all) if (file !== undefined) file.selected = selected?.has(file.index) ?? true
}

/** The pieces that the selected files need: all of them, padding and all, when every file is selected. */
export function wantedPieces({ layout, all }: DataFiles): Bitfield {
  const files = all.filter((file) => file !== undefined)
  const selected = files.filter((file) => file.selected)
  if (selected.length < files.length) return layout.piecesOfFiles(selected.map(({ index }) => index))
  const every = new Bitfield(layout.pieceCount)
  every.fill()
  return every
}
