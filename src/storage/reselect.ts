import { Bitfield } from "../bytes/bitfield.js"
import { arrange } from "./arrange.js"
import type { DataFile } from "./data-file.js"
import { PieceState } from "./journal-state.js"
import type { OpenedStore } from "./open-store.js"
import type { WritingParts } from "./parts.js"
import { markSelected } from "./selected-files.js"

/**
 * Other files are wanted: what is there of the newly wanted is taken in. Nothing else may be under way. If it fails,
 * the same files are wanted as before.
 */
export async function reselect(opened: OpenedStore, selected: ReadonlySet<number>): Promise<void> {
  const { files, journal, durability, have } = opened
  await durability.flush()
  const before = new Set(files.all.flatMap((file, index) => (file?.selected === true ? [index] : [])))
  markSelected(files, selected)
  const isNew = (file: DataFile): boolean => !before.has(file.index) && file.place === "none"
  const added = files.all.filter(
    (file): file is DataFile => file?.selected === true && (isToBeRight(file) || isNew(file)),
  )
  const none = (): Bitfield => new Bitfield(have.length)
  try {
    await arrange(opened, added, {
      verify: "auto",
      overwrite: opened.overwrite,
      toFetch: true,
      before: "clean",
      decide: () => {
        dropLost(opened)
        return { trusted: have.copy(), check: none(), sample: none() }
      },
    })
    await journal.sync()
  } catch (error) {
    markSelected(files, before)
    dropLost(opened)
    for (const file of added) if (!journal.state.home.has(file.index)) files.disown(file)
    throw error
  }
}

/** Left alone so far, because nothing was to be fetched: a file that is too long, or an empty one that is to be made. */
function isToBeRight(file: DataFile): boolean {
  return file.isTooLong || (file.length === 0 && file.place === "none")
}

/** Of some pieces the bytes in `edges/` turn out to be gone when they are wanted at their places. */
export function dropLost({ have, journal, files }: WritingParts): void {
  for (const piece of have) {
    if (journal.state.pieces[piece] !== PieceState.absent) continue
    have.delete(piece)
    files.layout.eachFileOfPiece(piece, (file) => void files.at(file).missing++)
  }
}
