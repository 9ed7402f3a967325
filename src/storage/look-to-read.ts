import type { DataFile } from "./data-file.js"
import type { DataFiles } from "./data-files.js"
import { diskFault } from "./disk-fault.js"

/**
 * Looks at a file that is only to be read, at its places in order. A link, a folder in its place, or a way that leads
 * nowhere: it is missing.
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
    }
  }
}
