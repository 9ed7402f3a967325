import type { Bitfield } from "../bytes/bitfield.js"
import { formatSize } from "../bytes/words.js"
import { AtError } from "../errors.js"
import type { DataFile } from "./data-file.js"
import type { DataFiles } from "./data-files.js"
import type { WritingParts } from "./parts.js"
import { wantedPieces } from "./selected-files.js"

/** @throws AtError `AT_DISK_FULL` when there is no room for what is wanted and missing */
export async function checkFreeSpace(
  { files, have, platform, metainfo }: WritingParts,
  datastore: string,
): Promise<void> {
  let needed = 0
  for (const piece of wantedPieces(files)) if (!have.has(piece)) needed += metainfo.layout.pieceSize(piece)
  for (const file of files.all) if (file !== undefined) needed -= roomIn(file, files, have)
  if (needed <= 0) return
  const free = await platform.disk.freeBytes(datastore)
  if (free >= needed) return
  throw new AtError("AT_DISK_FULL", `${datastore} has ${formatSize(free)} free, but ${formatSize(needed)} are needed`, {
    hint: "free some space, choose fewer files with `include`, or use another `datastore`",
  })
}

/** Bytes that a file lacks and has room for: what is wrong there is written over, and other clients set room aside. */
function roomIn(file: DataFile, { layout }: DataFiles, have: Bitfield): number {
  const { index, length, allocated, missing } = file
  if (!file.selected || file.place === "none" || missing === 0) return 0
  const { first, end } = layout.piecesOfFile(index)
  let held = 0
  for (let piece = first; piece < end; piece++) if (have.has(piece)) held += layout.extentIn(piece, index).length
  return Math.max(0, Math.min(allocated, length) - held)
}
