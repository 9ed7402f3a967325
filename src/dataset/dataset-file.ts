import { AtError } from "../errors.js"
import type { CallOptions, StreamOptions } from "./call-options.js"
import { checkRead, checkStream } from "./check-options.js"
import { readAhead } from "./read-ahead.js"

/** Bytes of one read: in Node 20, no array is longer. */
const MAX_READ = 4 * 1024 ** 3

type ReadBytes = (offset: number, length: number, signal: AbortSignal | undefined) => Promise<Uint8Array<ArrayBuffer>>

/** One file of a dataset. */
export class DatasetFile {
  /** The path inside the dataset, made safe, with `/`; for a dataset of one file, its name. */
  readonly path: string
  /** The path as the author wrote it, with any characters: under this one, data lies that he shares himself. */
  readonly rawPath: string
  /** The file's size in bytes. */
  readonly length: number
  /**
   * The root of the file's hash tree (BEP 52), 64 hex digits: the same bytes have the same root in every torrent. Null for an
   * empty file, and if the torrent is only v1.
   */
  readonly piecesRoot: string | null
  readonly #read: ReadBytes

  constructor(path: string, length: number, read: ReadBytes, piecesRoot: string | null = null, rawPath: string = path) {
    this.path = path
    this.rawPath = rawPath
    this.length = length
    this.piecesRoot = piecesRoot
    this.#read = read
  }

  /**
   * Reads `length` bytes of the file from `offset` on (fewer at the end of the file). They are downloaded if they are not on
   * disk yet, before everything else, and always verified. They stay in the datastore, for later reads and downloads.
   *
   * @throws AtError `AT_INVALID_INPUT` if these are not whole numbers, 0 or more, or there are more than 4 GiB to read (see
   * {@link stream}); `AT_NO_SOURCES`, `AT_STALLED`, `AT_LOCKED`, `AT_ABORTED`, or what the disk refused
   *
   * @example
   * ```ts
   * const header = await dataset.file("train.csv").read(0, 100)
   * ```
   */
  async read(offset: number, length: number, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    checkRead(offset, length, options)
    const count = Math.min(length, this.length - offset)
    if (count <= 0) return new Uint8Array(0)
    if (count > MAX_READ) {
      throw new AtError("AT_INVALID_INPUT", `${count} bytes of ${this.path} are more than can be read at once`, {
        hint: "use stream(), or read at most 4 GiB at a time",
      })
    }
    return this.#read(offset, count, options.signal)
  }

  /**
   * Streams the file's bytes from `start` up to, but not including, `end` (default: the whole file), always verified. They are
   * downloaded while they are read, up to 4 MiB ahead of the reader. Cancelling the stream ends that. It fails as {@link read}
   * does.
   *
   * @throws AtError `AT_INVALID_INPUT` if these are not whole numbers, 0 or more
   *
   * @example
   * ```ts
   * for await (const chunk of dataset.file("train.csv").stream()) process.stdout.write(chunk)
   * ```
   */
  stream(options: StreamOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    checkStream(options)
    const { signal, start = 0 } = options
    return readAhead({ start, end: Math.min(options.end ?? this.length, this.length), signal, read: this.#read })
  }
}
