import { Bitfield } from "../bytes/bitfield.js"
import { checkPieces } from "./check-pieces.js"
import { type DataFile, sameStamp } from "./data-file.js"
import { DataFiles } from "./data-files.js"
import { Directories } from "./directories.js"
import { Edges } from "./edges.js"
import { FilePool } from "./file-pool.js"
import { Journal } from "./journal.js"
import type { JournalState } from "./journal-state.js"
import { lookToRead } from "./look-to-read.js"
import { journalPlace, type PieceStoreOptions } from "./open-store.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { ReadingParts } from "./parts.js"
import { placeInDatastore } from "./place-files.js"
import { type FoundFile, trusted } from "./resume.js"
import { wantedPieces } from "./selected-files.js"
import { stateDirectory } from "./state-directory.js"

/** What a store in a datastore that is only read is opened with. */
export type UnwritableOptions = Omit<PieceStoreOptions, "torrentBytes" | "overwrite" | "toFetch">

/**
 * A dataset in a datastore that can't be written to: a shared one, a snapshot, a full disk. What its journal says is
 * believed as far as it would be if the dataset were opened to be written to; the rest is hashed when it is wanted. There
 * is no lock to take: should somebody else write to a file meanwhile, its stamp tells, and its pieces are hashed again.
 */
export async function openUnwritable(options: UnwritableOptions): Promise<ReadingParts> {
  const { platform, metainfo, datastore } = options
  const { disk } = platform
  const { layout } = metainfo
  const pool = new FilePool({ disk })
  const folder = stateDirectory(datastore, metainfo.infoHash)
  const directories = new Directories({ disk, base: datastore })
  const table = await placeInDatastore(disk, metainfo, datastore)
  const edges = await Edges.load({ disk, pool, directories, folder: `${folder}/edges` })
  const files = new DataFiles({ disk, layout, files: table, pool, directories, edges })
  const all = files.all.filter((file) => file !== undefined)
  await inParallel(all, PARALLEL_LOOKS, (file) => lookToRead(files, file, ["final", "part"]))
  const select = (selected: ReadonlySet<number> | undefined): Promise<void> => {
    // What pieces hold of a file that is not there stays in `edges/`.
    for (const file of all) file.selected = file.place !== "none" && (selected?.has(file.index) ?? true)
    return check(wantedPieces(files))
  }
  const have = new Bitfield(layout.pieceCount)
  const looked = new Bitfield(layout.pieceCount)
  for (const file of all) {
    const { first, end } = layout.piecesOfFile(file.index)
    file.missing = end - first
  }
  const take = (piece: number): void => {
    if (have.has(piece)) return
    have.add(piece)
    for (const { file } of layout.extentsOfPiece(piece)) files.at(file).missing--
  }
  const check = async (pieces: Iterable<number>): Promise<void> => {
    const unknown = [...pieces].filter((piece) => !looked.has(piece))
    await checkPieces({ platform, metainfo, files }, unknown, options, (piece, found) => {
      if (found === "right") take(piece)
    })
    for (const piece of unknown) looked.add(piece)
  }
  try {
    const journal = await Journal.read({ ...(await journalPlace(disk, metainfo, folder)), disk })
    if (journal !== undefined && options.verify !== "always")
      await believe(options, files, journal, { take, check, have })
    for (const piece of have) looked.add(piece)
    await select(options.selected)
  } catch (error) {
    await pool.close()
    throw error
  }
  return { platform, metainfo, files, pool, have, check, select }
}

/** Takes what the journal may be trusted with. */
async function believe(
  { platform, metainfo, doubted }: UnwritableOptions,
  files: DataFiles,
  { state }: Journal,
  books: {
    readonly take: (piece: number) => void
    readonly check: (pieces: Iterable<number>) => Promise<void>
    readonly have: Bitfield
  },
): Promise<void> {
  const { layout } = metainfo
  const bootId = await platform.disk.bootId()
  const { trusted: believed, sample } = trusted({
    layout,
    journal: state,
    bootId,
    found: (index) => foundAs(files.at(index), state),
    doubted,
    random: (below) => platform.random.below(below),
  })
  // What it says of files that are not at their places is about `edges/`.
  for (const file of files.all) {
    if (file === undefined || file.length === 0 || state.home.has(file.index)) continue
    const { first, end } = layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) {
      if (!file.inEdges || files.edges?.pieces.has(piece) !== true) believed.delete(piece)
    }
  }
  await books.check(sample)
  for (const piece of sample) if (!books.have.has(piece)) return
  for (const piece of believed) books.take(piece)
}

function foundAs({ index, place, stamp }: DataFile, { stamps }: JournalState): FoundFile {
  const kept = stamps.get(index)
  if (place === "none" || stamp === undefined) return "missing"
  if (kept === undefined) return "unstamped"
  return sameStamp(kept, stamp) ? "equal" : "changed"
}
