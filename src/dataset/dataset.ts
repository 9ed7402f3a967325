import { toHex } from "../bytes/hex.js"
import { Site } from "../catalog/site.js"
import { AtError, abortError } from "../errors.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import { createPlatform, type NodePlatform } from "../node/platform.js"
import { absolutePath, readUserSettings } from "../node/user-settings.js"
import { type VerifyReport, verifyData } from "../storage/verify.js"
import type { ProgressSnapshot } from "../torrent/progress.js"
import { checkingSnapshot } from "./checking-snapshot.js"
import { completeSnapshot } from "./complete-snapshot.js"
import { DatasetFile } from "./dataset-file.js"
import { defaultDatastore } from "./datastore.js"
import { Engagement, type EngagementParts } from "./engagement.js"
import { type GiveLimits, giveUntil } from "./give-until.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { ProgressFeed } from "./progress-feed.js"
import { readVerified } from "./read-verified.js"
import { type ResolveContext, resolveTarget } from "./resolve.js"
import { type FileChoice, selectFiles } from "./selection.js"
import { type SwarmSize, swarmSizes } from "./swarm-size.js"
import { parseTarget } from "./target.js"
import { TorrentCache } from "./torrent-cache.js"
import { waitComplete } from "./wait-complete.js"

/**
 * A dataset: its metadata at once, its data when asked for.
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
  /** 40 hex digits. */
  readonly infoHash: string
  /** Bytes of all files. */
  readonly length: number
  /** Padding left out. */
  readonly files: readonly DatasetFile[]
  /** What the torrent says about itself. */
  readonly metainfo: Metainfo
  /** Where it is, or will be, on disk: absolute. */
  readonly path: string
  readonly #parts: EngagementParts & { readonly platform: NodePlatform }
  readonly #feed: ProgressFeed
  #engaging: Promise<Engagement> | undefined
  #engagement: Engagement | undefined
  #closed: Promise<void> | undefined

  private constructor(parts: EngagementParts & { readonly platform: NodePlatform }) {
    const { metainfo } = parts.resolved
    this.metainfo = metainfo
    this.name = metainfo.name
    this.infoHash = toHex(metainfo.infoHash)
    this.path = parts.options.data ?? `${parts.datastore}/${metainfo.name}`
    this.#parts = parts
    this.#feed = new ProgressFeed(parts.platform.clock, parts.options.onProgress)
    const files: DatasetFile[] = []
    for (const { path, offset, length, padding } of metainfo.layout.files) {
      if (!padding)
        files.push(new DatasetFile(path, length, (at, count, signal) => this.#read(offset + at, count, signal)))
    }
    this.files = files
    this.length = files.reduce((sum, file) => sum + file.length, 0)
  }

  /** See {@link open}. */
  static async open(target: string, options: Options = {}): Promise<Dataset> {
    const settings = readUserSettings()
    const datastore = options.datastore === undefined ? defaultDatastore() : absolutePath(options.datastore)
    const parsed = parseTarget(target)
    parsePeers(options.peers ?? [])
    const platform = createPlatform(options.log === undefined ? {} : { log: options.log })
    const context: ResolveContext = {
      platform,
      site: new Site(options.site ?? settings.site),
      cache: new TorrentCache({ platform, directory: settings.cache, datastore }),
      offline: options.offline ?? settings.offline,
      signal: options.signal,
    }
    try {
      const local = parsed.kind === "file" ? { ...parsed, path: absolutePath(parsed.path) } : parsed
      const resolved = await resolveTarget(local, context)
      return new Dataset({ options, platform, context, datastore, resolved })
    } catch (error) {
      await platform.close()
      throw error
    }
  }

  /** Payload bytes that were fetched since it was opened. */
  get fetchedBytes(): number {
    return this.#engagement?.torrent?.fetchedBytes ?? 0
  }

  /** Where we listen for peers; undefined while we do not. */
  get port(): number | undefined {
    return this.#engagement?.port
  }

  /** The file at a path inside the dataset. @throws AtError `AT_INVALID_INPUT` when there is none */
  file(path: string): DatasetFile {
    const file = this.files.find((candidate) => candidate.path === path)
    if (file !== undefined) return file
    throw new AtError("AT_INVALID_INPUT", `there is no file ${path} in ${this.name}`, {
      hint: "see dataset.files for the paths",
    })
  }

  /**
   * Downloads what is missing of the chosen files (default: those the dataset was opened with), or verifies what is there.
   *
   * @returns the absolute path of the dataset's file or folder
   */
  async download(choice: FileChoice = this.#parts.options): Promise<string> {
    const { signal, timeout, seed = false, sync = false } = this.#parts.options
    if (signal?.aborted) throw abortError(signal.reason)
    const selected = selectFiles(this.metainfo.layout, choice)
    this.#feed.expect()
    try {
      const before = this.#engagement
      const engagement = await this.#engage(selected, true)
      if (before !== undefined) await engagement.select(selected)
      if (engagement.missing > 0 || seed) {
        const torrent = await this.#start(engagement, { seed, fetch: true })
        await waitComplete(torrent, this.#parts.platform.clock, { signal, timeout })
      } else if (engagement.torrent === undefined) {
        this.#feed.follow({ snapshot: () => completeSnapshot(this, this.metainfo.layout, engagement.store.wanted) })
      }
      if (sync) await engagement.store.flush()
      return this.path
    } finally {
      this.#feed.settle()
    }
  }

  /**
   * Gives what is on disk to others, until the dataset is closed. Returns once it is being given.
   *
   * @throws AtError `AT_NO_SOURCES` when nothing of it is on disk
   */
  async seed(): Promise<void> {
    const engagement = await this.#engage(new Set(this.metainfo.layout.files.keys()), false)
    if (engagement.store.have.count === 0 && this.metainfo.layout.pieceCount > 0) {
      throw new AtError("AT_NO_SOURCES", `there is nothing to give: no piece of ${this.name} is at ${this.path}`, {
        hint: "download it first, or name the place of the data with -o or --data",
      })
    }
    await this.#start(engagement, { seed: true, fetch: false })
  }

  /** Waits while the dataset is being given, until one of the limits is reached. */
  async giveUntil(limits: GiveLimits): Promise<void> {
    const torrent = this.#engagement?.torrent
    if (torrent !== undefined) await giveUntil(torrent, this.length, this.#parts.platform.clock, limits)
  }

  /** Checks every byte of the chosen files on disk, and changes nothing. */
  async verify(choice: FileChoice = this.#parts.options): Promise<VerifyReport> {
    const { options, platform, datastore } = this.#parts
    return verifyData({
      platform,
      metainfo: this.metainfo,
      datastore,
      selected: selectFiles(this.metainfo.layout, choice),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onProgress: (done, total) => this.#feed.checking(checkingSnapshot(this, done, total)),
    })
  }

  /** Asks all trackers, at the same time, how many peers have the dataset. */
  async swarmSizes(): Promise<SwarmSize[]> {
    return swarmSizes(this.#parts.platform, this.metainfo, this.#parts.options.signal)
  }

  /** Where the dataset stands, about four times a second, until it is complete, its download has failed, or it is closed. */
  progress(): AsyncGenerator<ProgressSnapshot> {
    return this.#feed.iterate()
  }

  /** Stops what is under way, saves, and lets go of everything. What was verified stays on disk. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #engage(selected: ReadonlySet<number>, toFetch: boolean): Promise<Engagement> {
    if (this.#closed !== undefined) throw closedError(this.name)
    this.#engaging ??= Engagement.open(this.#parts, selected, {
      toFetch,
      onChecking: (done, total) => this.#feed.checking(checkingSnapshot(this, done, total)),
    })
    this.#engagement = await this.#engaging
    return this.#engagement
  }

  async #start(engagement: Engagement, how: { seed: boolean; fetch: boolean }) {
    const torrent = await engagement.start(how)
    this.#feed.follow(torrent)
    return torrent
  }

  async #read(offset: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const engagement = await this.#engage(new Set(), true)
    const { store, torrent } = engagement
    if (torrent === undefined) {
      const bytes = await readVerified(store, this.metainfo.layout, offset, length)
      if (bytes !== undefined) return bytes
    }
    const working = await this.#start(engagement, { seed: false, fetch: true })
    return working.read(offset, length, signal ?? this.#parts.options.signal)
  }

  async #close(): Promise<void> {
    try {
      const engagement = await this.#engaging?.catch(() => undefined)
      await engagement?.close()
    } finally {
      this.#feed.end()
      await this.#parts.platform.close()
    }
  }
}

function closedError(name: string): AtError {
  return new AtError("AT_ABORTED", `${name} is closed`, { hint: "open it again" })
}
