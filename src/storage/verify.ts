import { Bitfield } from "../bytes/bitfield.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { AcquireLock } from "../ports/lock.js"
import { checkPieces } from "./check-pieces.js"
import type { DataFile } from "./data-file.js"
import { DataFiles } from "./data-files.js"
import { Directories } from "./directories.js"
import { diskFault } from "./disk-fault.js"
import { Edges } from "./edges.js"
import { FilePool } from "./file-pool.js"
import { lookToRead } from "./look-to-read.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { StoragePlatform } from "./parts.js"
import { placeFiles, placeInDatastore } from "./place-files.js"
import { type Range, toRanges } from "./ranges.js"
import { DamageRecord } from "./record-damage.js"
import { markSelected, wantedPieces } from "./selected-files.js"
import { stateDirectory } from "./state-directory.js"

/**
 * The state of a file. `unfinished`: its name still ends in `.part`. `damaged`: a piece has a wrong hash (perhaps because of
 * another file in the same piece). `uncertain`: its only wrong pieces also contain parts of files that are not complete, so it may be
 * right or wrong.
 */
export type FileState = "ok" | "missing" | "unfinished" | "wrong-size" | "damaged" | "uncertain"

/** What `verify` found for one file. */
export interface FileReport {
  /** The path inside the dataset, with `/`. */
  readonly path: string
  /** How many bytes it should have. */
  readonly length: number
  readonly state: FileState
  /** How many bytes it has; null if it is missing. */
  readonly actualLength: number | null
  /** What stands in its place if it is missing, in words: a link, which is not followed, or a folder; or a link above it. */
  readonly obstacle?: string
  /** Its pieces that can't be verified, as ranges: `{ first: 7, count: 5 }` means the pieces 7 to 11. */
  readonly badPieces: readonly Range[]
}

/** What `verify` found for the chosen files of a dataset. */
export interface VerifyReport {
  /** Every chosen file is `ok`. */
  readonly complete: boolean
  /** The chosen files. */
  readonly files: readonly FileReport[]
  /** All pieces of these files that can't be verified, in ascending order. */
  readonly badPieces: readonly Range[]
  /** Bytes of files that were hashed. */
  readonly checkedBytes: number
  /** Bytes of files in the bad pieces: what a repair stores. */
  readonly missingBytes: number
}

export interface VerifyOptions {
  readonly platform: StoragePlatform
  readonly metainfo: Metainfo
  /** Where the data is: DATASTORE/NAME. One of this and `dataPath`; absolute. */
  readonly datastore?: string | undefined
  /** With `datastore`: how the dataset's lock is taken, for the moment in which the journal is told what is damaged. */
  readonly takeLock?: AcquireLock | undefined
  /** Hears of each piece that does not verify: `hashed`, or not even read, as bytes of it are missing or the disk refuses them. */
  readonly onBad?: ((piece: number, hashed: boolean) => void) | undefined
  /** The file or folder itself. */
  readonly dataPath?: string | undefined
  /** Indexes of files; absent: all. */
  readonly selected?: ReadonlySet<number> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((checkedBytes: number, totalBytes: number) => void) | undefined
}

/**
 * Reads and hashes what is on the disk, and writes nothing there. What turns out to be damaged is no longer claimed by the journal,
 * also when this is stopped before its end.
 * @throws AtError `AT_DISK_IO`, `AT_ABORTED`, `AT_EXISTS` where the data in the datastore has the author's name
 */
export async function verifyData(options: VerifyOptions): Promise<VerifyReport> {
  const { platform, metainfo, datastore, takeLock } = options
  const pool = new FilePool({ disk: platform.disk })
  const wrong = new Bitfield(metainfo.layout.pieceCount)
  const isRecorded = datastore !== undefined && takeLock !== undefined
  const record = isRecorded ? await DamageRecord.begin({ platform, metainfo, datastore, takeLock }) : undefined
  try {
    return await verify(options, await readableFiles(options, pool), wrong)
  } catch (error) {
    throw diskFault(error)
  } finally {
    await pool.close()
    await record?.keep(wrong)
  }
}

async function readableFiles(options: VerifyOptions, pool: FilePool): Promise<DataFiles> {
  const { platform, metainfo, datastore, dataPath, selected } = options
  const { disk } = platform
  const { layout } = metainfo
  const base = datastore ?? dataPath ?? ""
  const directories = new Directories({ disk, base })
  const folder = `${stateDirectory(base, metainfo.infoHash)}/edges`
  const edges = datastore === undefined ? undefined : await Edges.load({ disk, pool, directories, folder })
  const table =
    datastore === undefined ? await placeFiles(disk, metainfo, base) : await placeInDatastore(disk, metainfo, base)
  const files = new DataFiles({ disk, layout, files: table, pool, directories, edges })
  const all = table.filter((file) => file !== undefined)
  markSelected(files, selected)
  await inParallel(all, PARALLEL_LOOKS, (file) => lookToRead(files, file, ["final", "part"]))
  return files
}

/** `wrong` gets the pieces that are bad though all of their bytes are there. */
async function verify(options: VerifyOptions, files: DataFiles, wrong: Bitfield): Promise<VerifyReport> {
  const { platform, metainfo, signal, onProgress, onBad } = options
  const { layout } = metainfo
  const wanted = wantedPieces(files)
  const bad = new Bitfield(layout.pieceCount)
  let checkedBytes = 0
  await checkPieces({ platform, metainfo, files }, wanted, { signal, onChecking: onProgress }, (piece, found) => {
    if (found !== "unreadable") checkedBytes += layout.dataSize(piece)
    if (found === "right") return
    bad.add(piece)
    onBad?.(piece, found === "wrong")
    if (found === "wrong") wrong.add(piece)
  })
  let missingBytes = 0
  for (const piece of bad) missingBytes += layout.dataSize(piece)
  const reports = files.all
    .filter((file) => file?.selected === true)
    .map((file) => report(files, file as DataFile, bad, wrong))
  const complete = reports.every(({ state }) => state === "ok")
  return { complete, files: reports, badPieces: toRanges(bad), checkedBytes, missingBytes }
}

function report({ layout }: DataFiles, file: DataFile, bad: Bitfield, wrong: Bitfield): FileReport {
  const { first, end } = layout.piecesOfFile(file.index)
  const badPieces: number[] = []
  let damaged = false
  for (let piece = first; piece < end; piece++) {
    if (!bad.has(piece)) continue
    badPieces.push(piece)
    damaged ||= wrong.has(piece) || layout.liesInOneFile(piece)
  }
  const actualLength = file.stamp?.size ?? null
  const state = ((): FileState => {
    if (file.place === "none") return "missing"
    if (file.place === "part") return "unfinished"
    if (actualLength !== file.length) return "wrong-size"
    if (damaged) return "damaged"
    return badPieces.length > 0 ? "uncertain" : "ok"
  })()
  const { path, length } = layout.files[file.index]!
  const obstacle = state === "missing" && file.obstacle !== undefined ? { obstacle: file.obstacle } : {}
  return { path, length, state, actualLength, ...obstacle, badPieces: toRanges(badPieces) }
}
