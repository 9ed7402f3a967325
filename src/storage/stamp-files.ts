import { claimedLength } from "./claimed-length.js"
import { type DataFile, doubtfulStamp } from "./data-file.js"
import type { FileStamp } from "./journal-state.js"
import { inParallel } from "./parallel.js"
import type { WritingParts } from "./parts.js"

/** Files looked at at a time. */
const PARALLEL = 16

/** Notes in the journal what the files look like that were written to. Nobody writes to them from here on. */
export async function stampFiles({ files, journal }: WritingParts): Promise<void> {
  const { home, stamps } = journal.state
  const isUnstamped = (file: DataFile): boolean => file.stamp === undefined || !stamps.has(file.index)
  const written = files.all.filter(
    (file): file is DataFile => file !== undefined && file.place !== "none" && isUnstamped(file) && !file.doubtful,
  )
  await inParallel(written, PARALLEL, async (file) => {
    if (!home.has(file.index)) return
    // What it looked like when it was whole: whoever wrote to it since shows.
    const now = file.stamp ?? (await files.stampNow(file))
    const claimed = claimedLength(files.layout, journal.state.pieces, file.index)
    journal.setStamp(file.index, now === undefined || isOurs(file, now, claimed) ? now : doubtfulStamp(file))
  })
}

/** Whether nobody put another file in its place, or cut it short. */
function isOurs(file: DataFile, now: FileStamp, claimed: number): boolean {
  return now.size >= claimed && (file.inode === undefined || file.inode === now.inode)
}
