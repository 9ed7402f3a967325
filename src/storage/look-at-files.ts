import { type DataFile, sameStamp, stampOf } from "./data-file.js"
import { somethingThere } from "./disk-fault.js"
import { inParallel } from "./parallel.js"
import type { WritingParts } from "./parts.js"
import type { FoundFile } from "./resume.js"

/** Questions to the file system at a time. */
const PARALLEL = 64

/** How the last owner of the dataset ended, as far as we know. */
export type LastEnd = "clean" | "process-died" | "machine-may-have-died"

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
}

/**
 * Looks at files: where the journal has a stamp, and it fits, with one question each.
 * @throws AtError `AT_EXISTS`, `AT_UNSAFE_PATH` when something other than a file is in the way of a wanted one
 */
export async function lookAtFiles(
  parts: WritingParts,
  files: readonly DataFile[],
  options: LookOptions,
): Promise<FilesFound> {
  const found = new FilesFound()
  await inParallel(files, PARALLEL, (file) => look(parts, file, found, options))
  await lookAtNeighbours(parts, files, found)
  return found
}

async function look(parts: WritingParts, file: DataFile, found: FilesFound, options: LookOptions): Promise<void> {
  const { journal, files } = parts
  const stamp = journal.state.stamps.get(file.index)
  try {
    if (stamp !== undefined) {
      const there = await files.look(file, stamp.place)
      if (there !== undefined && sameStamp(stamp, stampOf(stamp.place, there))) {
        file.place = stamp.place
        file.stamp = stamp
        found.states.set(file, "equal")
        found.owned.add(file)
        return
      }
    }
    await lookClosely(parts, file, found, options)
  } catch (error) {
    // Nobody wants to write there: it only can't be given.
    if (file.selected) throw error
    file.place = "none"
  }
  if (file.selected) return
  if (file.place === "final" && found.owned.has(file)) journal.setHome(file.index)
  else if (!journal.state.home.has(file.index)) file.place = "none"
  if (file.place === "none") journal.setAway(file.index)
}

async function lookClosely(
  { journal, files }: WritingParts,
  file: DataFile,
  found: FilesFound,
  { overwrite, before }: LookOptions,
): Promise<void> {
  // Nothing has to be looked at in a folder that is not there.
  if ((await files.inspectFolders(file)) === "absent") {
    file.place = "none"
    return
  }
  const final = await files.look(file, "final")
  // An empty file is never unfinished.
  const part = file.length > 0 ? await files.look(file, "part") : undefined
  if (final !== undefined && part !== undefined) {
    if (!overwrite) throw somethingThere(file.path, `${file.partPath} stands there too`)
    file.replace = true
  }
  const place = part === undefined ? "final" : "part"
  const there = part ?? final
  file.place = there === undefined ? "none" : place
  if (there === undefined) return
  file.stamp = stampOf(place, there)
  const { ours, home, stamps } = journal.state
  const stamp = stamps.get(file.index)
  const isOwned =
    place === "part"
      ? ours.has(file.index)
      : (stamp?.place === "final" && stamp.inode === file.stamp.inode) ||
        (home.has(file.index) && before !== "clean") ||
        (ours.has(file.index) && before === "machine-may-have-died")
  if (isOwned) found.owned.add(file)
  // A new name alone is no change.
  const equal = stamp !== undefined && sameStamp(stamp, file.stamp)
  found.states.set(file, stamp === undefined ? "unstamped" : equal ? "equal" : "changed")
}

/** Where the journal knows nothing, unwanted files beside wanted ones may be there from before. */
async function lookAtNeighbours(
  { journal, files }: WritingParts,
  wanted: readonly DataFile[],
  found: FilesFound,
): Promise<void> {
  const { layout } = files
  const { home } = journal.state
  const asked = new Set<DataFile>()
  for (const file of wanted) {
    if (!file.selected || file.place === "none" || home.has(file.index) || file.length === 0) continue
    const { first, end } = layout.piecesOfFile(file.index)
    for (const piece of first === end - 1 ? [first] : [first, end - 1]) {
      for (const extent of layout.extentsOfPiece(piece)) {
        const other = files.at(extent.file)
        if (!other.selected && other.place === "none" && !home.has(other.index)) asked.add(other)
      }
    }
  }
  await inParallel(asked, PARALLEL, async (file) => {
    const there = await files.look(file, "final").catch(() => undefined)
    if (there?.size !== file.length) return
    file.place = "final"
    file.stamp = stampOf("final", there)
    found.neighbours.push(file)
  })
}
