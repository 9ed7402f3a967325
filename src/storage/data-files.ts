import type { TorrentLayout } from "../metainfo/layout.js"
import { type Disk, DiskError, type FileStat } from "../ports/disk.js"
import type { HashAlgorithm, Hasher, Stored } from "../ports/hasher.js"
import { type DataFile, stampOf } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import type { Edges } from "./edges.js"
import { FileFinisher } from "./file-finisher.js"
import type { FilePool } from "./file-pool.js"
import { type DigestedPiece, FileWriter, type PieceBytes } from "./file-writer.js"
import type { FileStamp } from "./journal-state.js"
import { type ReadProblem, SpanReader } from "./span-reader.js"

export interface DataFilesOptions {
  readonly disk: Disk
  readonly layout: TorrentLayout
  readonly files: readonly (DataFile | undefined)[]
  readonly pool: FilePool
  readonly directories: Directories
  /** Absent where nothing is ever written. */
  readonly edges?: Edges | undefined
}

/** The bytes of the dataset as they lie in its files: where a span of the torrent is read and written. */
export class DataFiles {
  readonly layout: TorrentLayout
  readonly all: readonly (DataFile | undefined)[]
  readonly edges: Edges | undefined
  readonly #disk: Disk
  readonly #pool: FilePool
  readonly #directories: Directories
  readonly #reader: SpanReader
  readonly #finisher: FileFinisher
  readonly #writer: FileWriter

  constructor(options: DataFilesOptions) {
    this.layout = options.layout
    this.all = options.files
    this.edges = options.edges
    this.#disk = options.disk
    this.#pool = options.pool
    this.#directories = options.directories
    const reader = new SpanReader(options)
    const finisher = new FileFinisher({ ...options, onFinished: (file) => this.#writer.finished(file) })
    this.#reader = reader
    this.#finisher = finisher
    this.#writer = new FileWriter({ ...options, reader, finisher })
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
  writePieces(pieces: readonly PieceBytes[]): Promise<void> {
    return this.#writer.writePieces(pieces)
  }

  /** As {@link FileWriter.storePieces}. */
  storePieces(
    hasher: Hasher,
    algorithm: HashAlgorithm,
    pieces: readonly DigestedPiece[],
    ready: Promise<void>,
  ): Promise<Stored> | undefined {
    return this.#writer.storePieces(hasher, algorithm, pieces, ready)
  }

  /** Writes a part of a file from elsewhere than a piece. */
  writeTo(file: DataFile, position: number, bytes: Uint8Array): Promise<void> {
    return this.#writer.writeTo(file, position, bytes)
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

  /** What stands at the paths of a file. @throws AtError when it is no file, or a link or a file is among the folders above it */
  async look(file: DataFile, where: "part" | "final"): Promise<FileStat | undefined> {
    if ((await this.#directories.inspect(parentOf(file.path))) === "absent") return undefined
    return this.#finisher.look(file, where)
  }

  /**
   * `synced`: the file's bytes so far are on the disk itself. `unknown`: it is gone. A file that we may not write holds
   * nothing of ours that could be lost.
   */
  async sync(file: DataFile): Promise<"synced" | "unknown"> {
    try {
      await this.#pool.use(
        file.key,
        () => file.current,
        "write",
        (handle) => handle.sync(),
      )
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
  disown(file: DataFile): void {
    // Perhaps with all of its folder.
    this.#directories.forget(parentOf(file.path))
    file.losses++
    file.place = "none"
    file.stamp = undefined
    file.provisional = false
    file.doubtful = false
    file.replaces = "nothing"
    file.ready = undefined
    // The pool has it no more from here on, and waits for it when it is closed.
    void this.#pool.forget(file.key)
  }
}
