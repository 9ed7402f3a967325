import { AtError, abortError } from "../errors.js"
import { STATE_FOLDER } from "../metainfo/safe-element.js"
import type { Disk } from "../ports/disk.js"

/** What there is to share at one place on the disk. */
export interface FoundFiles {
  readonly kind: "file" | "folder"
  /** Paths relative to the place, empty for a file; lengths in bytes. */
  readonly files: { readonly path: string[]; readonly length: number }[]
  /** Paths of what can't be shared: links, sockets, devices, what has a name that is not UTF-8, and our own records. */
  readonly skipped: string[]
}

/**
 * Finds all files at `root`, a file or a folder. `except` is left out: a .torrent written there the last time is no data.
 *
 * @throws AtError `AT_INVALID_INPUT` when `root` is neither file nor folder, `AT_ABORTED`
 */
export async function findFiles(
  disk: Disk,
  root: string,
  { except, signal }: { readonly except: string; readonly signal: AbortSignal | undefined },
): Promise<FoundFiles> {
  const stat = await disk.stat(root)
  if (stat?.kind === "file") return { kind: "file", files: [{ path: [], length: stat.size }], skipped: [] }
  if (stat?.kind === "symlink") {
    throw new AtError("AT_INVALID_INPUT", `${root} is a symbolic link`, {
      hint: "give the path of the file or folder that it leads to",
    })
  }
  if (stat?.kind !== "directory") {
    throw new AtError("AT_INVALID_INPUT", `${root} is neither a file nor a folder`, {
      hint: "give the path of the data to share",
    })
  }
  const found: FoundFiles = { kind: "folder", files: [], skipped: [] }
  const visit = async (folder: string[]): Promise<void> => {
    if (signal?.aborted) throw abortError(signal.reason)
    for (const name of await disk.list([root, ...folder].join("/"))) {
      const path = [...folder, name]
      const whole = [root, ...path].join("/")
      if (whole === except) continue
      const entry = await disk.stat(whole)
      // Our own records change whenever the datastore is used, and tell of all datasets in it.
      if (entry?.kind === "directory" && name !== STATE_FOLDER) await visit(path)
      else if (entry?.kind === "file") found.files.push({ path, length: entry.size })
      else found.skipped.push(path.join("/"))
    }
  }
  await visit([])
  return found
}
