import type { Metainfo } from "../metainfo/metainfo.js"
import { type Disk, DiskError } from "../ports/disk.js"
import { DataFile, dataFiles } from "./data-file.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"

/**
 * What leads elsewhere than to a name in a folder, or could not be read as UTF-8. A backslash may be part of a name, but where it
 * divides folders it must not lead upwards either.
 */
const NO_NAME = /[/\0\ufffd]|(?:^|\\)\.{0,2}(?:\\|$)/

/**
 * The dataset's files below `root`, to be read alone: each under its safe name, or, where that is not there, under the
 * name that the author gave it. Safe names are ours; the data of an author has his own (`12:00.csv`).
 */
export async function authorsDataFiles(
  disk: Pick<Disk, "stat">,
  metainfo: Metainfo,
  root: string,
): Promise<(DataFile | undefined)[]> {
  const table = dataFiles(metainfo.layout, metainfo.kind, root)
  if (metainfo.kind === "file") return table
  const files = table.filter((file) => file !== undefined)
  await inParallel(files, PARALLEL_LOOKS, async (file) => {
    const path = authorsPath(metainfo, root, file)
    if (path === undefined || path === file.path) return
    if (!(await stands(disk, file.path)) && (await stands(disk, path))) {
      table[file.index] = new DataFile(file.index, file.length, path, file.partPath)
    }
  })
  return table
}

/** Undefined where the author's name is none that we would follow. */
function authorsPath(metainfo: Metainfo, root: string, file: DataFile): string | undefined {
  const elements = metainfo.rawPaths[file.index] ?? []
  return elements.some((element) => NO_NAME.test(element)) ? undefined : [root, ...elements].join("/")
}

async function stands(disk: Pick<Disk, "stat">, path: string): Promise<boolean> {
  try {
    return (await disk.stat(path))?.kind === "file"
  } catch (error) {
    if (error instanceof DiskError) return false
    throw error
  }
}
