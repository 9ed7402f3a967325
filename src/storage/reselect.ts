import { Bitfield } from "../bytes/bitfield.js"
import { arrange } from "./arrange.js"
import type { DataFile } from "./data-file.js"
import { type OpenedStore, selectFiles } from "./open-store.js"

/**
 * Other files are wanted: what is there of the newly wanted is taken in. Nothing else may be under way. If it fails,
 * the same files are wanted as before.
 */
export async function reselect(opened: OpenedStore, selected: ReadonlySet<number>): Promise<void> {
  const { files, journal, durability, have } = opened
  await durability.flush()
  const before = new Set(files.all.flatMap((file, index) => (file?.selected === true ? [index] : [])))
  selectFiles(files, selected)
  const added = files.all.filter(
    (file): file is DataFile => file?.selected === true && !before.has(file.index) && file.place === "none",
  )
  const none = (): Bitfield => new Bitfield(have.length)
  try {
    await arrange(opened, added, {
      verify: "auto",
      overwrite: opened.overwrite,
      before: "clean",
      decide: () => ({ trusted: Bitfield.fromBytes(have.bytes, have.length)!, check: none(), sample: none() }),
    })
    await journal.sync()
  } catch (error) {
    selectFiles(files, before)
    for (const file of added) if (!journal.state.home.has(file.index)) await files.disown(file)
    throw error
  }
}
