import { sameBytes } from "../bytes/same-bytes.js"
import type { Extent, TorrentLayout } from "../metainfo/layout.js"
import type { Disk, FileHandle } from "../ports/disk.js"
import type { HashAlgorithm, Hasher, Stored } from "../ports/hasher.js"
import { type DataFile, stampOf } from "./data-file.js"
import { type Directories, parentOf } from "./directories.js"
import { notOurs, somethingThere, tooLong } from "./disk-fault.js"
import type { Edges } from "./edges.js"
import type { FileFinisher } from "./file-finisher.js"
import type { FilePool } from "./file-pool.js"
import { inParallel } from "./parallel.js"
import { SmallFiles } from "./small-files.js"
import type { SpanReader } from "./span-reader.js"
import { unshare } from "./unshare.js"
import { type FilePart, WriteQueue } from "./write-queue.js"

/** Small files of one batch that are written at a time. */
const PARALLEL = 16

/** Files that are kept open for one batch at most. */
const FILES_AT_ONCE = 4

/** A piece, and where it lies. */
export interface PieceBytes {
  readonly piece: number
  readonly bytes: Uint8Array
  readonly extents: readonly Extent[]
}

/** One that is yet to be verified. */
export interface DigestedPiece extends PieceBytes {
  /** What it should hash to. */
  readonly digest: Uint8Array
}

/** A piece's part that lies in one file. */
interface PiecePart extends FilePart {
  readonly piece: number
  readonly pieceOffset: number
}

export interface FileWriterOptions {
  readonly disk: Disk
  readonly layout: TorrentLayout
  readonly files: readonly (DataFile | undefined)[]
  readonly pool: FilePool
  readonly directories: Directories
  /** Absent where nothing is ever written. */
  readonly edges?: Edges | undefined
  readonly reader: SpanReader
  readonly finisher: FileFinisher
}

/** Brings the bytes of verified pieces to their places: into files, which are made for it, or into `edges/`. */
export class FileWriter {
  readonly #options: FileWriterOptions
  readonly #small: SmallFiles
  readonly #queues = new Map<DataFile, WriteQueue>()

  constructor(options: FileWriterOptions) {
    this.#options = options
    this.#small = new SmallFiles(options)
  }

  /** Writes verified pieces. Rejects when every write has ended, one of them badly. */
  async writePieces(pieces: readonly PieceBytes[]): Promise<void> {
    const byFile = new Map<DataFile, PiecePart[]>()
    for (const { piece, bytes, extents } of pieces) {
      for (const { file: index, fileOffset, pieceOffset, length } of extents) {
        const file = this.#options.files[index]!
        const whole = bytes.subarray(pieceOffset, pieceOffset + length)
        const part = { piece, pieceOffset, position: fileOffset, bytes: whole }
        const parts = byFile.get(file)
        if (parts === undefined) byFile.set(file, [part])
        else parts.push(part)
      }
    }
    await this.#small.write(byFile)
    await inParallel(byFile, PARALLEL, ([file, parts]) => this.#writeParts(file, parts))
  }

  /**
   * Once `ready`, hashes pieces and writes those that are right in one go. Undefined when that can't be: a file is to be
   * made, claimed or compared first, or there are too many.
   */
  storePieces(
    hasher: Hasher,
    algorithm: HashAlgorithm,
    pieces: readonly DigestedPiece[],
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
    pieces: readonly DigestedPiece[],
    ready: Promise<void>,
  ): Promise<Stored> {
    await Promise.all([ready, ...files.map((file) => file.ready)])
    return this.#options.pool.useAll(files, "write", (handles) => {
      const full = pieces.map(({ bytes, digest, extents }) => ({
        bytes,
        digest,
        targets: extents.map(({ file, fileOffset, pieceOffset, length }) => ({
          file: handles[files.indexOf(this.#options.files[file]!)]!,
          position: fileOffset,
          bytes: bytes.subarray(pieceOffset, pieceOffset + length),
        })),
      }))
      return hasher.storePieces(algorithm, full)
    })
  }

  /** Writes a part of a file from elsewhere than a piece. */
  async writeTo(file: DataFile, position: number, bytes: Uint8Array): Promise<void> {
    await this.#prepare(file)
    await this.#use(file, (handle) => handle.write([bytes], position))
  }

  /** Nothing is written to the file for now. */
  finished(file: DataFile): void {
    this.#queues.delete(file)
  }

  #use<T>(file: DataFile, action: (handle: FileHandle) => Promise<T>): Promise<T> {
    return this.#options.pool.use(file.key, () => file.current, "write", action)
  }

  async #writeParts(file: DataFile, parts: readonly PiecePart[]): Promise<void> {
    if (parts.length === 0) return
    if (file.provisional) {
      for (const { position, bytes } of parts) await this.#compare(file, position, bytes)
    } else if (file.inEdges) {
      for (const { piece, pieceOffset, bytes } of parts) await this.#options.edges!.write(piece, pieceOffset, bytes)
    } else {
      await this.#prepare(file)
      // A list may have noted meanwhile what the file looks like.
      file.stamp = undefined
      await this.#queueOf(file).add(parts)
    }
  }

  /** The files that the pieces lie in, if all of them were written to before. */
  #writableFiles(pieces: readonly PieceBytes[]): DataFile[] | undefined {
    const files: DataFile[] = []
    for (const { extents } of pieces) {
      for (const { file: index } of extents) {
        const file = this.#options.files[index]!
        if (files.includes(file)) continue
        if (file.place !== "part" || file.ready === undefined) return undefined
        if (file.finishing !== undefined) return undefined
        if (files.push(file) > FILES_AT_ONCE) return undefined
      }
    }
    return files
  }

  #queueOf(file: DataFile): WriteQueue {
    let queue = this.#queues.get(file)
    if (queue === undefined) {
      queue = new WriteQueue((chunks, position) => this.#use(file, (handle) => handle.write(chunks, position)))
      this.#queues.set(file, queue)
    }
    return queue
  }

  async #compare(file: DataFile, position: number, bytes: Uint8Array): Promise<void> {
    const there = new Uint8Array(bytes.length)
    const problem = await this.#options.reader.readExtent(file, position, there)
    if (problem === undefined && sameBytes(there, bytes)) return
    throw somethingThere(file.path, "it does not belong to this dataset")
  }

  async #prepare(file: DataFile): Promise<void> {
    // On its way to its final name, it gets there; a piece that it lost meanwhile is repaired under the other.
    while (file.busy !== undefined) await file.busy
    file.ready ??= this.#makeReady(file).catch((error: unknown) => {
      file.ready = undefined
      throw error
    })
    await file.ready
  }

  async #makeReady(file: DataFile): Promise<void> {
    const folder = parentOf(file.path)
    await this.#options.directories.ensure(folder)
    if (file.place === "final") {
      if (file.replaces !== "anything" && (await this.#options.finisher.look(file, "part")) !== undefined) {
        throw somethingThere(file.partPath, `that name is needed to repair ${file.path}`)
      }
      const there = await this.#options.finisher.look(file, "final")
      if (there !== undefined && stampOf("final", there).inode !== file.inode) {
        throw somethingThere(file.path, "another file was put in the place of ours")
      }
      if (there !== undefined && there.size > file.length && file.replaces !== "anything") {
        throw tooLong(file.path, { size: there.size, length: file.length })
      }
      // What we may not write to keeps its name.
      await this.#use(file, () => Promise.resolve())
      await unshare(file, this.#options)
      await this.#options.disk.rename(file.path, file.partPath)
      file.place = "part"
    } else if (file.place === "none") {
      await this.#options.pool.forget(file.key)
    }
    await this.#options.pool.use(
      file.key,
      () => file.current,
      file.place === "none" ? "create-new" : "write",
      async (handle) => {
        const { inode } = stampOf("part", await handle.stat())
        if (file.place === "part" && file.inode !== undefined && file.inode !== inode) throw notOurs(file.partPath)
        file.place = "part"
        file.inode = inode
      },
    )
    // Also when it was there: whoever made it may have been killed before its name was durable.
    this.#options.directories.changed(folder)
  }
}
