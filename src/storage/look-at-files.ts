import { claimedLength } from "./claimed-length.js"
import { type DataFile, sameFile, sameStamp, stampOf } from "./data-file.js"
import type { DataFiles } from "./data-files.js"
import { somethingThere } from "./disk-fault.js"
import { type FileStamp, type JournalState, PieceState } from "./journal-state.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { WritingParts } from "./parts.js"
import type { FoundFile } from "./resume.js"

/**
 * How the last owner of the dataset ended, as far as we know. `clean-once`: the machine was started anew since, so there may have
 * been another owner, of whom the journal's end was lost.
 */
export type LastEnd = "clean" | "clean-once" | "process-died" | "machine-may-have-died"

export interface LookOptions {
  /** Files of which no piece is ours may be replaced. */
  readonly overwrite: boolean
  readonly before: LastEnd
}

/** How the files stand on the disk. Their places and stamps are set. */
export class FilesFound {
  readonly states = new Map<DataFile, FoundFile>()
  /** Files that are ours even if no piece of them verifies. */
  readonly owned = new Set<DataFile>()
  /** Unwanted files of the right length, which may complete pieces of wanted ones. */
  readonly neighbours: DataFile[] = []

  /** What stands behind its end is not ours: that is only where we are writing, under the unfinished name. */
  hasTail(file: DataFile): boolean {
    return file.isTooLong || (!this.owned.has(file) && (file.stamp?.size ?? 0) > file.length)
  }
}

/**
 * Looks at files: where the journal has a stamp, and it fits, with one question each, or two where a name is yet to be given.
 * @throws AtError `AT_EXISTS`, `AT_UNSAFE_PATH` when something other than a file is in the way of a wanted one
 */
export async function lookAtFiles(
  parts: WritingParts,
  files: readonly DataFile[],
  options: LookOptions,
): Promise<FilesFound> {
  const found = new FilesFound()
  await inParallel(files, PARALLEL_LOOKS, (file) => look(parts, file, found, options))
  await lookAtNeighbours(parts, files, found)
  return found
}

async function look(parts: WritingParts, file: DataFile, found: FilesFound, options: LookOptions): Promise<void> {
  const { journal, files } = parts
  const claimed = claimedLength(files.layout, journal.state.pieces, file.index)
  try {
    if (!(await standsAsStamped(parts, file, claimed, found))) await lookClosely(parts, file, claimed, found, options)
  } catch (error) {
    // Nobody wants to write there: it only can't be given.
    if (file.selected) throw error
    file.place = "none"
  }
  if (file.selected) return
  const isOwned = found.owned.has(file)
  if (file.place === "final" && isOwned) journal.setHome(file.index)
  if (journal.state.home.has(file.index)) return
  // Who wants it one day knows it by that.
  if (isOwned) journal.setStamp(file.index, file.stamp)
  file.place = "none"
}

/** `claimed`: bytes that the journal calls written. */
async function standsAsStamped(
  { journal, files }: WritingParts,
  file: DataFile,
  claimed: number,
  found: FilesFound,
): Promise<boolean> {
  const stamp = journal.state.stamps.get(file.index)
  if (stamp === undefined) return false
  const there = await files.look(file, stamp.place)
  if (there === undefined || !sameStamp(stamp, stampOf(stamp.place, there)) || there.size < claimed) return false
  if (!(await isNameFree(files, file, stamp))) return false
  file.standsAt(stamp.place, there)
  found.states.set(file, "equal")
  found.owned.add(file)
  return true
}

/** Whether nothing stands where a wanted file is to get its final name. */
async function isNameFree(files: DataFiles, file: DataFile, { place }: FileStamp): Promise<boolean> {
  return place === "final" || !file.selected || (await files.look(file, "final")) === undefined
}

/** `claimed`: bytes that the journal calls written. */
async function lookClosely(
  { journal, files }: WritingParts,
  file: DataFile,
  claimed: number,
  found: FilesFound,
  { overwrite, before }: LookOptions,
): Promise<void> {
  const final = await files.look(file, "final")
  // An empty file is never unfinished.
  const part = file.length > 0 ? await files.look(file, "part") : undefined
  if (final !== undefined && part !== undefined) {
    // An empty one was replaced by the run that began the other.
    if (!overwrite && final.size > 0) throw somethingThere(file.path, `there is also ${file.partPath}`)
    file.replaces = overwrite ? "anything" : "empty"
  }
  const place = part === undefined ? "final" : "part"
  const there = part ?? final
  if (there === undefined) {
    file.place = "none"
    return
  }
  file.standsAt(place, there)
  const stamp = journal.state.stamps.get(file.index)
  if (isOurs(journal.state, file.index, stampOf(place, there), before)) found.owned.add(file)
  // A new name alone is no change.
  const isSame = stamp === undefined || sameStamp(stamp, stampOf(place, there))
  // Somebody cut it short.
  if (!isSame || there.size < claimed) found.states.set(file, "changed")
  else found.states.set(file, stamp === undefined ? "unstamped" : "equal")
}

/** Whether what stands there is the file that we made or found. */
function isOurs({ stamps, home, ours }: JournalState, index: number, now: FileStamp, before: LastEnd): boolean {
  const stamp = stamps.get(index)
  // Who was stopped may have had no time to say that it was given its name, or which one it is.
  const wasStopped = before === "process-died" || before === "machine-may-have-died"
  if (stamp !== undefined) {
    return sameFile(stamp, now) && (now.place === "part" || stamp.place === "final" || wasStopped)
  }
  // An empty one may be what is left of an attempt to make it; if it is not, nothing is lost with it.
  if (now.place === "part") return ours.has(index) && (before !== "clean" || now.size === 0)
  return (home.has(index) && wasStopped) || (ours.has(index) && before === "machine-may-have-died")
}

/**
 * Where the journal knows nothing, unwanted files beside wanted ones may be there from before. Not those of which some
 * bytes stand in `edges/` already: what stands at their own places is something else.
 */
async function lookAtNeighbours(
  { journal, files }: WritingParts,
  wanted: readonly DataFile[],
  found: FilesFound,
): Promise<void> {
  const { layout } = files
  const { home, pieces } = journal.state
  const isClaimed = (file: DataFile): boolean => {
    const { first, end } = layout.piecesOfFile(file.index)
    return pieces.subarray(first, end).some((state) => state >= PieceState.written)
  }
  const borders = new Set<number>()
  for (const file of wanted) {
    if (!file.selected || file.place === "none" || home.has(file.index) || file.length === 0) continue
    const { first, end } = layout.piecesOfFile(file.index)
    borders.add(first).add(end - 1)
  }
  const asked = new Set<DataFile>()
  for (const piece of borders) {
    layout.eachFileOfPiece(piece, (index) => {
      const other = files.at(index)
      if (other.selected || other.place !== "none" || home.has(index) || isClaimed(other)) return
      asked.add(other)
    })
  }
  await inParallel(asked, PARALLEL_LOOKS, async (file) => {
    const there = await files.look(file, "final").catch(() => undefined)
    if (there?.size !== file.length) return
    file.standsAt("final", there)
    found.neighbours.push(file)
  })
}
