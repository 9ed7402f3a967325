import type { Extent, TorrentLayout } from "../metainfo/layout.js"
import { type Disk, DiskError, type FileHandle, type FileStat, type OpenMode } from "../ports/disk.js"
import type { HashAlgorithm, Hasher, Stored } from "../ports/hasher.js"
import { type DataFile, stampOf } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import { somethingThere } from "./disk-fault.js"
import type { Edges } from "./edges.js"
import { FileFinisher } from "./file-finisher.js"
import type { FilePool } from "./file-pool.js"
import type { FileStamp } from "./journal-state.js"
import { inParallel } from "./parallel.js"
import { type ReadProblem, SpanReader } from "./span-reader.js"
import { type FilePart, WriteQueue } from "./write-queue.js"

/** Small files of one piece that are read or written at a time. */
const PARALLEL = 16

/** Fewer small files than these are not worth a list. */
const FEW = 4

/** Files that are kept open for one batch at most. */
const FILES_AT_ONCE = 4

/** A piece, and where it lies. */
export interface PieceBytes {
  readonly piece: number
  readonly bytes: Uint8Array
  readonly extents: readonly Extent[]
}

/** A piece's part that lies in one file. */
interface PiecePart extends FilePart {
  readonly piece: number
  readonly pieceOffset: number
}

export interface DataFilesOptions {
  readonly disk: Disk
  readonly layout: TorrentLayout
  readonly files: readonly (DataFile | undefined)[]
  readonly pool: FilePool
  readonly directories: Directories
  /** Absent where nothing is ever written. */
  readonly edges?: Edges
  /** Hears which folder something was made or renamed in. */
  readonly onChanged: (folder: string) => void
}

/** The bytes of the dataset as they lie in its files: where a span of the torrent is read and written. */
export class DataFiles {
  readonly layout: TorrentLayout
  readonly all: readonly (DataFile | undefined)[]
  readonly edges: Edges | undefined
  readonly #disk: Disk
  readonly #pool: FilePool
  readonly #directories: Directories
  readonly #onChanged: (folder: string) => void
  readonly #queues = new Map<DataFile, WriteQueue>()
  readonly #reader: SpanReader
  readonly #finisher: FileFinisher

  constructor(options: DataFilesOptions) {
    this.layout = options.layout
    this.all = options.files
    this.edges = options.edges
    this.#disk = options.disk
    this.#pool = options.pool
    this.#directories = options.directories
    this.#onChanged = options.onChanged
    this.#reader = new SpanReader(options)
    this.#finisher = new FileFinisher({ ...options, onFinished: (file) => void this.#queues.delete(file) })
  }

  /** The file; never asked for padding. */
  at(index: number): DataFile {
    return this.all[index]!
  }

  /**
   * Fills `into` with the torrent's bytes from `offset` on, zeros for padding. What it says of a file that was changed is
   * about the moment after the read, so none of these bytes is newer than its answer.
   */
  readSpan(offset: number, into: Uint8Array): Promise<ReadProblem[]> {
    return this.#reader.read(offset, into)
  }

  /** Writes verified pieces. Rejects when every write has ended, one of them badly. */
  async writePieces(pieces: readonly PieceBytes[]): Promise<void> {
    const byFile = new Map<DataFile, PiecePart[]>()
    for (const { piece, bytes, extents } of pieces) {
      for (const { file: index, fileOffset, pieceOffset, length } of extents) {
        const file = this.at(index)
        const whole = bytes.subarray(pieceOffset, pieceOffset + length)
        const part = { piece, pieceOffset, position: fileOffset, bytes: whole }
        const parts = byFile.get(file)
        if (parts === undefined) byFile.set(file, [part])
        else parts.push(part)
      }
    }
    await this.#createWhole([...byFile].filter(([file, parts]) => this.#isNew(file) && isWhole(file, parts)))
    await inParallel(byFile, PARALLEL, ([file, parts]) => this.#writeParts(file, parts))
  }

  /**
   * Once `ready`, hashes pieces and writes those that are right in one go. Undefined when that can't be: a file is to be
   * made, claimed or compared first, or there are too many.
   */
  storePieces(
    hasher: Hasher,
    algorithm: HashAlgorithm,
    pieces: readonly (PieceBytes & { readonly digest: Uint8Array })[],
    ready: Promise<void>,
  ): Promise<Stored> | undefined {
    const files = this.#writableFiles(pieces)
    if (files === undefined) return undefined
    return this.#storeIn(files, hasher, algorithm, pieces, ready)
  }

  async #storeIn(
    files: readonly DataFile[],
    hasher: Hasher,
    algorithm: HashAlgorithm,
    pieces: readonly (PieceBytes & { readonly digest: Uint8Array })[],
    ready: Promise<void>,
  ): Promise<Stored> {
    await Promise.all([ready, ...files.map((file) => file.ready)])
    return this.#pool.useAll(files, "write", (handles) => {
      const full = pieces.map(({ bytes, digest, extents }) => ({
        bytes,
        digest,
        targets: extents.map(({ file, fileOffset, pieceOffset, length }) => ({
          file: handles[files.indexOf(this.at(file))]!,
          position: fileOffset,
          bytes: bytes.subarray(pieceOffset, pieceOffset + length),
        })),
      }))
      return hasher.storePieces(algorithm, full)
    })
  }

  /** The folders that a file's name depends on. */
  foldersOf(file: DataFile): Iterable<string> {
    return this.#directories.upFrom(file.inEdges && this.edges ? this.edges.folder : parentOf(file.path))
  }

  /** Gives a file whose pieces are all verified its length and its final name. */
  finish(file: DataFile): Promise<void> {
    return this.#finisher.finish(file)
  }

  /** As {@link finish}, for many: those that nothing was written to since they were made need little for it. */
  finishAll(files: readonly DataFile[]): Promise<void> {
    return this.#finisher.finishAll(files)
  }

  /** Makes an empty file, if it is not there. */
  createEmpty(file: DataFile): Promise<void> {
    return this.#finisher.createEmpty(file)
  }

  /** What stands at the paths of a file. @throws AtError when it is no file, or reached through a link */
  look(file: DataFile, where: "part" | "final"): Promise<FileStat | undefined> {
    return this.#finisher.look(file, where)
  }

  /** Whether the folder that the file lies in is there. @throws AtError when a link or a file is among those above it */
  inspectFolders(file: DataFile): Promise<"there" | "absent"> {
    return this.#directories.inspect(parentOf(file.path))
  }

  /**
   * `synced`: the file's bytes so far are on the disk itself. `unknown`: it is gone. A file that we may not write holds
   * nothing of ours that could be lost.
   */
  async sync(file: DataFile): Promise<"synced" | "unknown"> {
    try {
      await this.#use(file, "write", (handle) => handle.sync())
      return "synced"
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      if (error.failure === "missing") return "unknown"
      if (error.failure === "permission" || error.failure === "read-only") return "synced"
      throw error
    }
  }

  /** What it looks like now; undefined when it is gone. */
  async stampNow(file: DataFile): Promise<FileStamp | undefined> {
    if (file.place === "none") return undefined
    const found = await this.#disk.stat(file.current)
    return found?.kind === "file" ? stampOf(file.place, found) : undefined
  }

  /** Nothing of it stands at its own place any more, as far as the dataset goes. */
  async disown(file: DataFile): Promise<void> {
    file.losses++
    file.place = "none"
    file.stamp = undefined
    file.provisional = false
    file.replace = false
    file.ready = undefined
    await this.#pool.forget(file.key)
  }

  /** Writes a part of a file from elsewhere than a piece. */
  async writeTo(file: DataFile, position: number, bytes: Uint8Array): Promise<void> {
    await this.#prepare(file)
    await this.#use(file, "write", (handle) => handle.write([bytes], position))
  }

  #use<T>(file: DataFile, mode: OpenMode, action: (handle: FileHandle) => Promise<T>): Promise<T> {
    return this.#pool.use(file.key, () => file.current, mode, action)
  }

  async #writeParts(file: DataFile, parts: readonly PiecePart[]): Promise<void> {
    if (parts.length === 0) return
    if (file.provisional) {
      for (const { position, bytes } of parts) await this.#compare(file, position, bytes)
    } else if (file.inEdges) {
      for (const { piece, pieceOffset, bytes } of parts) await this.edges!.write(piece, pieceOffset, bytes)
    } else {
      await this.#prepare(file)
      await this.#queueOf(file).add(parts)
    }
  }

  /** The files that the pieces lie in, if all of them were written to before. */
  #writableFiles(pieces: readonly PieceBytes[]): DataFile[] | undefined {
    const files: DataFile[] = []
    for (const { extents } of pieces) {
      for (const { file: index } of extents) {
        const file = this.at(index)
        if (files.includes(file)) continue
        if (file.place !== "part" || file.ready === undefined || file.provisional) return undefined
        if (file.finishing !== undefined) return undefined
        if (files.push(file) > FILES_AT_ONCE) return undefined
      }
    }
    return files
  }

  /** Nothing of it is there, and nothing is under way that would change that. */
  #isNew(file: DataFile): boolean {
    return file.place === "none" && file.selected && file.ready === undefined && file.finishing === undefined
  }

  /** Makes new files in one go, and drops the parts that are written then. What can't be made so stays as it is. */
  async #createWhole(whole: readonly (readonly [DataFile, PiecePart[]])[]): Promise<void> {
    if (whole.length < FEW) return
    const folders = new Set(whole.map(([file]) => parentOf(file.path)))
    await inParallel(folders, PARALLEL, (folder) => this.#directories.ensure(folder))
    for (const [file] of whole) await this.#pool.forget(file.key)
    const stats = await this.#disk.createFiles(
      whole.map(([file, parts]) => ({ path: file.partPath, chunks: parts.map(({ bytes }) => bytes) })),
    )
    for (const [i, [file, parts]] of whole.entries()) {
      const stat = stats[i]
      if (stat === undefined) continue
      file.place = "part"
      file.stamp = stampOf("part", stat)
      parts.length = 0
    }
    for (const folder of folders) this.#onChanged(folder)
  }

  #queueOf(file: DataFile): WriteQueue {
    let queue = this.#queues.get(file)
    if (queue === undefined) {
      queue = new WriteQueue((chunks, position) => this.#use(file, "write", (handle) => handle.write(chunks, position)))
      this.#queues.set(file, queue)
    }
    return queue
  }

  async #compare(file: DataFile, position: number, bytes: Uint8Array): Promise<void> {
    const there = new Uint8Array(bytes.length)
    const problem = await this.#reader.readExtent(file, position, there)
    if (problem === undefined && there.every((byte, i) => byte === bytes[i])) return
    throw somethingThere(file.path, "it is not this dataset's")
  }

  async #prepare(file: DataFile): Promise<void> {
    file.ready ??= this.#makeReady(file).catch((error: unknown) => {
      file.ready = undefined
      throw error
    })
    await file.ready
  }

  async #makeReady(file: DataFile): Promise<void> {
    const folder = parentOf(file.path)
    await this.#directories.ensure(folder)
    await file.finishing
    if (file.place === "final") {
      if (!file.replace && (await this.look(file, "part")) !== undefined) {
        throw somethingThere(file.partPath, `${file.path} is to be repaired under that name`)
      }
      await this.#disk.rename(file.path, file.partPath)
    } else if (file.place === "none") {
      await this.#pool.forget(file.key)
      await this.#use(file, "create-new", () => Promise.resolve())
    }
    file.place = "part"
    // Also when it was there: whoever made it may have been killed before its name was durable.
    this.#onChanged(folder)
  }
}

/** True when the parts are all of the file; they are in its order then. */
function isWhole(file: DataFile, parts: PiecePart[]): boolean {
  if (parts.reduce((sum, { bytes }) => sum + bytes.length, 0) !== file.length) return false
  parts.sort((a, b) => a.position - b.position)
  return true
}
