import { Bitfield } from "../bytes/bitfield.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { checkPieces } from "./check-pieces.js"
import { DataFiles } from "./data-files.js"
import { Directories } from "./directories.js"
import { FilePool } from "./file-pool.js"
import { lookToRead } from "./look-to-read.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { CheckOptions, StoragePlatform, StoreParts } from "./parts.js"
import { placeFiles } from "./place-files.js"

export interface ReadOnlyOptions extends CheckOptions {
  readonly platform: StoragePlatform
  readonly metainfo: Metainfo
  /** The file or folder itself: absolute. */
  readonly dataPath: string
  /** Files with the right length are believed unread. Default: all that is there is hashed. */
  readonly trust?: boolean | undefined
}

/** Data that stands somewhere, looked at and hashed, and never written to. */
export async function openReadOnly(options: ReadOnlyOptions): Promise<StoreParts> {
  const { platform, metainfo, dataPath, trust = false } = options
  const { disk } = platform
  const { layout } = metainfo
  const pool = new FilePool({ disk })
  const table = await placeFiles(disk, metainfo, dataPath)
  const directories = new Directories({ disk, base: dataPath })
  const files = new DataFiles({ disk, layout, files: table, pool, directories })
  const have = new Bitfield(layout.pieceCount)
  const present = table.filter((file) => file !== undefined)
  await inParallel(present, PARALLEL_LOOKS, (file) => {
    file.selected = true
    return lookToRead(files, file, ["final"])
  })
  const candidates = complete(files, trust)
  const parts = { platform, metainfo, files, pool, have }
  try {
    if (trust) for (const piece of candidates) have.add(piece)
    else
      await checkPieces(parts, candidates, options, (piece, found) => {
        if (found === "right") have.add(piece)
      })
  } catch (error) {
    await pool.close()
    throw error
  }
  for (const file of present) {
    const { first, end } = layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) if (!have.has(piece)) file.missing++
  }
  return parts
}

/** The pieces whose files are all there; with `exactly`, at their right lengths. */
function complete(files: DataFiles, exactly: boolean): Bitfield {
  const { layout } = files
  const pieces = new Bitfield(layout.pieceCount)
  pieces.fill()
  for (const file of files.all) {
    if (file === undefined || (file.place === "final" && (!exactly || file.stamp?.size === file.length))) continue
    const { first, end } = layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) pieces.delete(piece)
  }
  return pieces
}
