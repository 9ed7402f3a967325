import { type Disk, DiskError, type FileStat } from "../ports/disk.js"
import { type DataFile, stampOf } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import { notOurs, otherKindThere, somethingThere, unsafePath } from "./disk-fault.js"
import type { FilePool } from "./file-pool.js"
import type { FileStamp } from "./journal-state.js"
import { inParallel } from "./parallel.js"
import { unshare } from "./unshare.js"

/** Small files that are finished at a time. */
const PARALLEL = 16

/** Fewer small files than these are not worth a list. */
const FEW = 4

export interface FileFinisherOptions {
  readonly disk: Disk
  readonly pool: FilePool
  readonly directories: Directories
  /** Hears that a file is as it should be: nothing is written to it for now. */
  readonly onFinished: (file: DataFile) => void
}

/** Gives files their lengths and final names: from then on whoever finds them may rely on them. */
export class FileFinisher {
  readonly #options: FileFinisherOptions

  constructor(options: FileFinisherOptions) {
    this.#options = options
  }

  /** Gives a file whose pieces are all verified its length and its final name. */
  async finish(file: DataFile): Promise<void> {
    file.finishing ??= this.#finish(file).finally(() => {
      file.finishing = undefined
    })
    await file.finishing
  }

  /** As {@link finish}, for many: those that nothing was written to since they were made need little for it. */
  async finishAll(files: readonly DataFile[]): Promise<void> {
    const untouched = files.filter(
      ({ place, stamp, length, replaces, finishing }) =>
        place === "part" && stamp?.size === length && replaces === "nothing" && finishing === undefined,
    )
    if (untouched.length >= FEW) {
      const naming = this.#nameAll(untouched).finally(() => {
        for (const file of untouched) file.finishing = undefined
      })
      for (const file of untouched) file.finishing = naming
      await naming
    }
    const others = files.filter(({ place, provisional }) => place === "part" || provisional)
    await inParallel(others, PARALLEL, (file) => this.finish(file))
  }

  /** Makes an empty file, if it is not there. */
  async createEmpty(file: DataFile): Promise<void> {
    if (file.place !== "none") return
    await this.#options.directories.ensure(parentOf(file.path))
    const { disk } = this.#options
    // Not emptied: its bytes may have other names, too.
    if (file.replaces === "anything") await disk.remove(file.path)
    const handle = await disk.open(file.path, "create-new")
    try {
      file.standsAt("final", await handle.stat())
    } finally {
      await handle.close()
    }
    this.#options.directories.changed(parentOf(file.path))
  }

  /** What stands at the paths of a file. @throws AtError when it is no file, or reached through a link */
  async look(file: DataFile, where: "part" | "final"): Promise<FileStat | undefined> {
    const path = where === "final" ? file.path : file.partPath
    const found = await this.#options.disk.stat(path)
    if (found?.kind === "symlink") throw unsafePath(path)
    if (found !== undefined && found.kind !== "file") {
      throw otherKindThere(path, `it is not a file but a ${found.kind === "directory" ? "folder" : "special file"}`)
    }
    return found
  }

  async #nameAll(files: readonly DataFile[]): Promise<void> {
    const named = await this.#options.disk.nameFiles(files.map(({ partPath, path }) => ({ from: partPath, to: path })))
    const folders = new Set<string>()
    for (const [i, file] of files.entries()) {
      if (named[i] !== true) continue
      file.stamp = { ...file.stamp!, place: "final" }
      file.place = "final"
      file.ready = undefined
      folders.add(parentOf(file.path))
    }
    for (const folder of folders) this.#options.directories.changed(folder)
  }

  async #finish(file: DataFile): Promise<void> {
    if (file.place === "none") return
    if (file.isTooLong) await unshare(file, this.#options)
    const stamp = await this.#trim(file)
    file.stamp = stamp
    if (file.place === "part") {
      const there = await this.look(file, "part")
      if (there === undefined || stampOf("part", there).inode !== stamp.inode) {
        throw notOurs(file.partPath)
      }
      const inTheWay = file.replaces === "anything" ? undefined : await this.look(file, "final")
      if (inTheWay !== undefined && !(file.replaces === "empty" && inTheWay.size === 0)) {
        throw somethingThere(file.path, "it was put there during the download")
      }
      await this.#options.disk.rename(file.partPath, file.path)
      file.place = "final"
      this.#options.directories.changed(parentOf(file.path))
    }
    file.ready = undefined
    file.provisional = false
    file.replaces = "nothing"
    this.#options.onFinished(file)
  }

  /** Cuts off what is too long; says what the file looks like then. What is too short was not so when it was verified. */
  #trim(file: DataFile): Promise<FileStamp> {
    const mode = file.provisional ? "read" : "write"
    return this.#options.pool.use(
      file.key,
      () => file.current,
      mode,
      async (handle) => {
        const before = await handle.stat()
        if (before.size === file.length) return stampOf("final", before)
        if (before.size < file.length) throw new DiskError("missing", file.current, `${file.current} was cut short`)
        await handle.truncate(file.length)
        return stampOf("final", await handle.stat())
      },
    )
  }
}
