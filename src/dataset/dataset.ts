import { toHex } from "../bytes/hex.js"
import { AtError, abortError } from "../errors.js"
import { knownAs } from "../metainfo/known-as.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { rawPath } from "../metainfo/raw-path.js"
import type { VerifyReport } from "../storage/verify.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"
import { abortWith } from "./abort-with.js"
import type { CallOptions } from "./call-options.js"
import { checkData } from "./check-data.js"
import { checkCall, checkChoice, checkGiveLimits } from "./check-options.js"
import { DatasetFile } from "./dataset-file.js"
import type { DatasetMetainfo } from "./dataset-metainfo.js"
import type { GiveLimits } from "./give-until.js"
import { guarded } from "./guarded.js"
import { type DatasetParts, openParts } from "./open-parts.js"
import type { Options } from "./options.js"
import type { ProgressFeed } from "./progress-feed.js"
import { type FileChoice, selectFiles } from "./selection.js"
import { type SwarmSize, swarmSizes } from "./swarm-size.js"
import { type Understood, understand } from "./understand.js"
import { type WebSeedState, webSeedStates } from "./web-seed-states.js"
import { Work } from "./work.js"

/**
 * An open dataset: its metadata is there at once, its data when you ask for it. Close it when you are done, or hold it with
 * `await using`.
 *
 * @example
 * ```ts
 * import * as at from "academictorrents"
 * await using dataset = await at.open("323a0048d87ca79b68f12a6350a57776b6a3b7fb")
 * console.log(dataset.name, dataset.length)
 * await dataset.download({ include: ["*.csv"] })
 * ```
 */
export class Dataset implements AsyncDisposable {
  /** The safe name on disk: `datastore/name`. */
  readonly name: string
  /** The v1 infohash, 40 hex digits; if the torrent is only v2, its v2 infohash, 64 hex digits. */
  readonly infoHash: string
  /** Bytes of all files together. */
  readonly length: number
  /** The absolute path of its file or folder on disk, whether that is there already or not. */
  readonly path: string
  readonly #metainfo: Metainfo
  readonly #parts: DatasetParts
  readonly #feed: ProgressFeed
  readonly #work: Work
  /** Calls under way. */
  readonly #calls = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined
  /** Made when they are asked for: there may be hundreds of thousands. */
  #files: readonly DatasetFile[] | undefined
  #byPath: ReadonlyMap<string, DatasetFile> | undefined

  private constructor(parts: DatasetParts, feed: ProgressFeed, passing: boolean) {
    const { metainfo } = parts.resolved
    this.#metainfo = metainfo
    this.name = metainfo.name
    this.infoHash = knownAs(metainfo)
    this.path = parts.options.data ?? `${parts.datastore}/${metainfo.name}`
    this.#parts = parts
    this.#feed = feed
    this.#work = new Work(parts, feed, passing)
    this.length = metainfo.layout.dataLength
  }

  /** See {@link open}. */
  static open(target: string, options: Options = {}): Promise<Dataset> {
    return guarded(async () => Dataset.openFor(understand(target, options)))
  }

  /**
   * As {@link open}. `passing`: its caller closes it without anybody's doing, and others who want it meanwhile wait for that.
   * `newest`: what it is by now is wanted of the service, even if a copy of its .torrent is here.
   *
   * @internal
   */
  static openFor(asked: Understood, how: { passing?: boolean; newest?: boolean } = {}): Promise<Dataset> {
    return guarded(async () => {
      const { parts, feed } = await openParts(asked, how)
      return new Dataset(parts, feed, how.passing ?? false)
    })
  }

  /** What the .torrent file says: trackers, web seeds, comment, pieces and so on. */
  get metainfo(): DatasetMetainfo {
    return this.#metainfo
  }

  /** All files, without padding. */
  get files(): readonly DatasetFile[] {
    this.#files ??= this.#makeFiles()
    return this.#files
  }

  /** The files that `include` and `exclude` (or a magnet link) selected when it was opened, without padding. */
  get chosenFiles(): readonly DatasetFile[] {
    const { files } = this.#metainfo.layout
    const chosen = this.#select()
    const indexes = [...files.keys()].filter((index) => !files[index]!.padding)
    return this.files.filter((_, position) => chosen.has(indexes[position]!))
  }

  /** Bytes of {@link chosenFiles} together. */
  get chosenLength(): number {
    const { files } = this.#metainfo.layout
    return [...this.#select()].reduce((sum, file) => sum + files[file]!.length, 0)
  }

  /** Payload bytes downloaded since it was opened, including those that turned out to be of no use: see {@link stats}. */
  get fetchedBytes(): number {
    return this.#work.fetchedBytes
  }

  /**
   * Where the time goes, and what happened to the bytes: a plain object about the current transfers, or about the last ones
   * when they have ended. It stays available after {@link close}, and is all zeros if nothing had to be downloaded or shared.
   *
   * @example
   * ```ts
   * await dataset.download()
   * const { waits, wasted, commits } = dataset.stats
   * console.log(`memory was full for ${Math.round((100 * waits.noSlot) / waits.total)} % of the time`)
   * console.log(`${wasted.total} bytes were of no use, ${wasted.corrupt} of them wrong`)
   * console.log(`${commits.pieces} pieces were stored, each ${commits.meanTime.toFixed(1)} ms after it was full`)
   * ```
   */
  get stats(): TorrentStats {
    return this.#work.stats
  }

  /** The port that peers can connect to; undefined while there is none. */
  get port(): number | undefined {
    return this.#work.port
  }

  /**
   * The file with this `path` or, where there is none, this `rawPath` (see {@link files}).
   *
   * @throws AtError `AT_INVALID_INPUT` if there is none
   */
  file(path: string): DatasetFile {
    this.#byPath ??= new Map([
      ...this.files.map((file) => [file.rawPath, file] as const),
      ...this.files.map((file) => [file.path, file] as const),
    ])
    const file = this.#byPath.get(path)
    if (file !== undefined) return file
    throw new AtError("AT_INVALID_INPUT", `there is no file ${path} in ${this.name}`, {
      hint: "see dataset.files for the paths",
    })
  }

  /**
   * Downloads what is missing of the chosen files (default, without `include` and `exclude`: {@link chosenFiles}), or verifies what
   * is there. Any number of downloads may run at the same time: each resolves when its own files are complete.
   *
   * A download that fails (aborted, stalled) also stops its transfers, unless another download or a read needs them. A later call
   * continues from what was verified.
   *
   * @returns the absolute path of the dataset's file or folder
   * @throws AtError `AT_INVALID_INPUT` if a pattern matches no file; `AT_NO_SOURCES`, `AT_STALLED`, `AT_ABORTED`, or what the disk refused
   *
   * @example
   * ```ts
   * const report = async () => {
   *   for await (const p of dataset.progress()) console.log(p.state, p.doneBytes, p.waitingFor)
   * }
   * const [path] = await Promise.all([dataset.download({ include: ["*.csv"] }), report()])
   * ```
   */
  download(options: FileChoice & CallOptions = {}): Promise<string> {
    return this.#chosen(options, async (selected, signal) => {
      await this.#work.download(selected, signal)
      return this.path
    })
  }

  /**
   * Shares what is on disk, until the dataset is closed. Resolves when sharing has begun.
   *
   * @throws AtError `AT_NO_SOURCES` if nothing of it is on disk; `AT_LOCKED` while it is in use elsewhere; `AT_INVALID_INPUT` if
   * nobody can be reached: offline, or with a proxy only for HTTP; `AT_ABORTED`
   */
  async seed(options: CallOptions = {}): Promise<void> {
    checkCall(options)
    await this.#call((signal) => this.#work.seed(signal), options.signal)
  }

  /**
   * Shares as {@link seed} does, and waits until one of the limits is reached. Sharing goes on until the dataset is closed.
   *
   * @throws AtError `AT_INVALID_INPUT`, `AT_ABORTED`, as {@link seed}, or what ended the sharing
   */
  async giveUntil(limits: GiveLimits): Promise<void> {
    checkGiveLimits(limits)
    await this.#call((signal) => this.#work.giveUntil({ ...limits, signal }), limits.signal)
  }

  /**
   * Reads and checks every byte of the chosen files on disk (default, without `include` and `exclude`: {@link chosenFiles}).
   * Changes no file. What it finds damaged or gone is no longer believed to be there, even if the check is stopped: a later
   * download repairs it.
   *
   * @throws AtError `AT_INVALID_INPUT` if no file matches; `AT_ABORTED`, or what the disk refused
   */
  verify(options: FileChoice & CallOptions = {}): Promise<VerifyReport> {
    const hearers = { work: this.#work, feed: this.#feed }
    return this.#chosen(options, (selected, signal) => checkData(this, this.#parts, hearers, { selected, signal }))
  }

  /**
   * Asks all trackers, at the same time, how many peers have the dataset, without joining the swarm. A tracker that has not
   * answered within five seconds counts as failed.
   */
  async swarmSizes(options: CallOptions = {}): Promise<SwarmSize[]> {
    checkCall(options)
    return this.#call((signal) => swarmSizes(this.#parts.context, this.#metainfo, signal), options.signal)
  }

  /**
   * Asks all web seeds, at the same time, for the first byte of one of the {@link chosenFiles}: whether they are there, and have
   * that file in the right size. A web seed that has not answered within five seconds counts as failed.
   */
  async webSeedStates(options: CallOptions = {}): Promise<WebSeedState[]> {
    checkCall(options)
    const { context, options: opened } = this.#parts
    return this.#call(
      (signal) => webSeedStates(context, this.#metainfo, opened, this.#select(), signal),
      options.signal,
    )
  }

  /**
   * Yields the progress about four times a second, until no call is running (any more), or the dataset is closed. Call it after
   * what it is to tell of, and wait for both together: see {@link download}.
   */
  progress(): AsyncIterableIterator<ProgressSnapshot> {
    return this.#feed.iterate()
  }

  /** Stops everything, saves, and frees what was in use. Verified data stays on disk. */
  close(): Promise<void> {
    // It tells a last time of the progress, and who hears of that may call it, too.
    this.#closed ??= Promise.resolve().then(() => this.#close())
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Does a call's work. The signal ends with the dataset, with the one it was opened with, and with the call's own. */
  async #call<T>(work: (signal: AbortSignal) => Promise<T>, own?: AbortSignal): Promise<T> {
    if (this.#closed !== undefined) throw closedError(this.name)
    const over = abortWith(own, this.#parts.closing.signal)
    if (over.signal.aborted) throw abortError(over.signal.reason)
    const call = this.#feed.beside(() => guarded(() => work(over.signal)))
    this.#calls.add(call)
    try {
      return await call
    } catch (error) {
      // What is closed under a call's hands breaks in many ways.
      if (this.#closed !== undefined) throw closedError(this.name, error)
      throw error
    } finally {
      over.abort()
      this.#calls.delete(call)
    }
  }

  /** A call for some of the files, of which {@link progress} tells even if it is refused. */
  #chosen<T>(
    options: FileChoice & CallOptions,
    work: (selected: ReadonlySet<number>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#feed.during(async () => {
      checkChoice(options)
      return this.#call((signal) => work(this.#select(options), signal), options.signal)
    })
  }

  /** Without a choice: the files that it was opened for. */
  #select({ include, exclude }: FileChoice = {}): Set<number> {
    const { options, resolved } = this.#parts
    const isChosen = include !== undefined || exclude !== undefined
    return selectFiles(this.#metainfo, isChosen ? { include, exclude } : options, resolved.selectOnly)
  }

  #makeFiles(): DatasetFile[] {
    const files: DatasetFile[] = []
    const { layout, fileNodes } = this.#metainfo
    for (const [index, { path, offset, length, padding }] of layout.files.entries()) {
      if (padding) continue
      const root = fileNodes?.roots[index]
      const read = (at: number, count: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> =>
        this.#call((either) => this.#work.read(offset + at, count, either), signal)
      const piecesRoot = root === undefined ? null : toHex(root)
      files.push(new DatasetFile(path, length, read, piecesRoot, rawPath(this.#metainfo, index)))
    }
    return files
  }

  async #close(): Promise<void> {
    this.#parts.closing.abort()
    // Before the torrent is stopped: the last report is of what was reached.
    this.#feed.end()
    try {
      await this.#work.close()
      await Promise.allSettled(this.#calls)
      await this.#parts.sessions.close()
    } finally {
      await this.#parts.platform.close()
    }
  }
}

function closedError(name: string, cause?: unknown): AtError {
  return new AtError("AT_ABORTED", `${name} is closed`, { hint: "open it again", cause })
}
