import type { DataFile } from "./data-file.js"
import { FilesFound } from "./look-at-files.js"
import { moveFromEdges } from "./move-from-edges.js"
import type { WritingParts } from "./parts.js"
import { dropLost } from "./reselect.js"

/**
 * Has the pieces of a file that somebody reads, though nobody wants all of it, go to its place from now on, and not one by one
 * into `edges/`. Nothing else may be under way. Never rejects: where it fails, they go to `edges/` as before.
 *
 * Not where it would come to the same: a file of one or two pieces. Nor where that can't be had at once, as something stands
 * there, or pieces of its own are in `edges/` already. Who wants all of it one day sees to that.
 */
export async function keepAtPlace(parts: WritingParts, file: DataFile): Promise<void> {
  if (!file.inEdges || !hasNewMiddle(parts, file) || !(await isFree(parts, file))) return
  const { files, journal, durability, platform } = parts
  try {
    await durability.flush()
    await moveFromEdges(parts, [file], new FilesFound())
    // Before it is made: whoever finds it knows that it is ours.
    journal.setOurs(file.index)
    await journal.sync()
    file.kept = true
  } catch (error) {
    if (!journal.state.home.has(file.index)) files.disown(file)
    platform.log.log("info", "storage", `what is read of ${file.path} stays in edges/: ${String(error)}`)
  }
  dropLost(parts)
}

/** It has pieces between its first and its last, and none of these is there. */
function hasNewMiddle({ files, have }: WritingParts, { index }: DataFile): boolean {
  const { first, end } = files.layout.piecesOfFile(index)
  for (let piece = first + 1; piece < end - 1; piece++) if (have.has(piece)) return false
  return end - first > 2
}

/** Nothing stands there, or in the way to it. */
async function isFree({ files }: WritingParts, file: DataFile): Promise<boolean> {
  try {
    return (await files.look(file, "final")) === undefined && (await files.look(file, "part")) === undefined
  } catch {
    return false
  }
}
