import type { DataFile } from "./data-file.js"
import type { DataFiles } from "./data-files.js"
import { diskFault } from "./disk-fault.js"

/**
 * Looks for a file that is only to be read, at each of its places in turn. It counts as missing where a link or a folder
 * stands in its place, or where the path leads nowhere.
 *
 * @throws AtError `AT_DISK_IO`
 */
export async function lookToRead(
  files: DataFiles,
  file: DataFile,
  places: readonly ("final" | "part")[],
): Promise<void> {
  for (const place of places) {
    try {
      const there = await files.look(file, place)
      if (there === undefined) continue
      file.standsAt(place, there)
      return
    } catch (error) {
      const fault = diskFault(error)
      if (fault.code === "AT_DISK_IO") throw fault
      file.obstacle = fault.message
    }
  }
}
