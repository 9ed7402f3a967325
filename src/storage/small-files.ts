import type { TorrentLayout } from "../metainfo/layout.js"
import type { Disk } from "../ports/disk.js"
import type { DataFile } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import type { FilePool } from "./file-pool.js"
import { inParallel } from "./parallel.js"
import type { FilePart } from "./write-queue.js"

/** Folders made at a time. */
const PARALLEL = 16

/** Fewer files than these are not worth a list. */
const FEW = 4

export interface SmallFilesOptions {
  readonly disk: Disk
  readonly layout: TorrentLayout
  readonly pool: FilePool
  readonly directories: Directories
}

type Parts = readonly [DataFile, FilePart[]]

/** Writes to many small files in one go. */
export class SmallFiles {
  readonly #options: SmallFilesOptions

  constructor(options: SmallFilesOptions) {
    this.#options = options
  }

  /** Drops the parts that it has written. What can't be written so stays as it is. */
  async write(byFile: ReadonlyMap<DataFile, FilePart[]>): Promise<void> {
    // A file that lies across two pieces may be in another list just now.
    const inOther = (): DataFile | undefined => [...byFile.keys()].find((file) => file.listed !== undefined)
    for (let file = inOther(); file !== undefined; file = inOther()) await file.listed
    const listed = [...byFile].filter(([file, parts]) => this.#isFree(file) && this.#isSmall(file, parts))
    if (listed.length < FEW) return
    const writing = this.#writeList(listed).finally(() => {
      for (const [file] of listed) file.listed = undefined
    })
    const ended = writing.catch(() => {})
    for (const [file] of listed) file.listed = ended
    await writing
  }

  async #writeList(listed: readonly Parts[]): Promise<void> {
    const { disk, pool, directories } = this.#options
    const folders = new Set(listed.map(([file]) => parentOf(file.path)))
    await inParallel(folders, PARALLEL, (folder) => directories.ensure(folder))
    for (const [file] of listed) if (file.place === "none") await pool.forget(file.key)
    const stats = await disk.writeFiles(
      listed.map(([file, parts]) => ({
        path: file.partPath,
        inode: file.place === "none" ? undefined : file.inode,
        position: parts[0]!.position,
        chunks: parts.map(({ bytes }) => bytes),
      })),
    )
    for (const [i, [file, parts]] of listed.entries()) {
      const stat = stats[i]
      if (stat === undefined) continue
      file.standsAt("part", stat)
      parts.length = 0
    }
    // Also where nothing is new: whoever made the files may have been killed before their names were durable.
    for (const folder of folders) directories.changed(folder)
  }

  /** Nothing is under way with it, and it is written to at its unfinished file's place. */
  #isFree(file: DataFile): boolean {
    if (!file.selected || file.ready !== undefined || file.busy !== undefined) return false
    return file.place === "none" || (file.place === "part" && !file.doubtful && file.inode !== undefined)
  }

  /** True when the parts are all of the file, or the file has no more than two of them. They are in its order then. */
  #isSmall(file: DataFile, parts: FilePart[]): boolean {
    if (parts.length === 1 && file.length <= this.#options.layout.pieceLength) return true
    if (file.place !== "none" || parts.reduce((sum, { bytes }) => sum + bytes.length, 0) !== file.length) return false
    parts.sort((a, b) => a.position - b.position)
    return true
  }
}
