import { checkRead, checkStream } from "./check-options.js"
import { readAhead } from "./read-ahead.js"
import type { ReadOptions, StreamOptions } from "./read-options.js"

type ReadBytes = (offset: number, length: number, signal: AbortSignal | undefined) => Promise<Uint8Array>

/** One file of a dataset. */
export class DatasetFile {
  /** Safe path inside the dataset, with `/`; for a dataset of one file, its name. */
  readonly path: string
  /** Bytes. */
  readonly length: number
  /**
   * The root of its hash tree (BEP 52), 64 hex digits: the same for the same bytes, in whatever torrent. Null for an empty
   * file, and where the torrent is v1 alone.
   */
  readonly piecesRoot: string | null
  readonly #read: ReadBytes

  constructor(path: string, length: number, read: ReadBytes, piecesRoot: string | null = null) {
    this.path = path
    this.length = length
    this.piecesRoot = piecesRoot
    this.#read = read
  }

  /**
   * Reads `length` bytes of the file from `offset` on, fewer at its end. They are downloaded if they are not on disk yet,
   * and always verified.
   *
   * @throws AtError `AT_INVALID_INPUT` when these are no whole numbers of bytes; `AT_STALLED`, `AT_ABORTED`, and what the
   * disk or the lack of sources makes impossible
   *
   * @example
   * ```ts
   * const header = await dataset.file("train.csv").read(0, 100)
   * ```
   */
  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
    checkRead(offset, length, options)
    const count = Math.min(length, this.length - offset)
    return count <= 0 ? new Uint8Array(0) : this.#read(offset, count, options.signal)
  }

  /**
   * Streams the file's bytes from `start` up to, but not including, `end` (default: the whole file); always verified. They
   * are downloaded while they are read, up to 4 MiB ahead of the reader; cancelling the stream ends that.
   *
   * @throws AtError `AT_INVALID_INPUT` when these are no whole numbers of bytes
   *
   * @example
   * ```ts
   * for await (const chunk of dataset.file("train.csv").stream()) process.stdout.write(chunk)
   * ```
   */
  stream(options: StreamOptions = {}): ReadableStream<Uint8Array> {
    checkStream(options)
    const { signal, start = 0 } = options
    return readAhead({ start, end: Math.min(options.end ?? this.length, this.length), signal, read: this.#read })
  }
}
