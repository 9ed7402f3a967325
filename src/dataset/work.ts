import { AtError } from "../errors.js"
import { knownAs } from "../metainfo/known-as.js"
import { stateDirectory } from "../storage/state-directory.js"
import type { VerifyOptions } from "../storage/verify.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"
import type { Torrent } from "../torrent/torrent.js"
import type { Purpose } from "../torrent/torrent-options.js"
import type { Hearer } from "./bad-pieces.js"
import type { Engagement, EngagementParts } from "./engagement.js"
import { type GiveLimits, giveUntil } from "./give-until.js"
import { OtherProcess } from "./other-process.js"
import { patiently } from "./patiently.js"
import type { ProgressFeed } from "./progress-feed.js"
import { piecesWithin, readVerified } from "./read-verified.js"
import { SharedEngagement, type Want } from "./shared-engagement.js"
import { nobodyToShareWith } from "./sources.js"
import { completeSnapshot, stillSnapshot } from "./still-snapshot.js"
import { unlessAborted } from "./unless-aborted.js"
import { waitComplete } from "./wait-complete.js"

/** Completions after which a file may not be there, as somebody removed or changed it meanwhile. More often is no accident. */
const MAX_ROUNDS = 3

/**
 * All that is done with a dataset's data: downloads, reads and giving, as many at a time as one likes, on one shared
 * engagement.
 */
export class Work {
  readonly #parts: EngagementParts
  readonly #feed: ProgressFeed
  readonly #dataset: { readonly name: string; readonly infoHash: string }
  readonly #shared: SharedEngagement
  /** What the downloads under way want: indexes of files. */
  readonly #wants = new Set<ReadonlySet<number>>()

  /** `passing`: it is closed without anybody's doing, once a download is done. */
  constructor(parts: EngagementParts, feed: ProgressFeed, passing: boolean) {
    const { metainfo } = parts.resolved
    this.#parts = parts
    this.#feed = feed
    this.#dataset = { name: metainfo.name, infoHash: knownAs(metainfo) }
    this.#shared = new SharedEngagement(parts, { feed, dataset: this.#dataset, passing })
  }

  /** Payload bytes that were fetched. */
  get fetchedBytes(): number {
    return this.#shared.fetchedBytes
  }

  /** Where the time of the transfers goes, or went that ended last. */
  get stats(): TorrentStats {
    return this.#shared.stats
  }

  /** Where we listen for peers; undefined while we do not. */
  get port(): number | undefined {
    return this.#shared.current?.port
  }

  /** Resolves when these files (indexes) are on disk, verified. */
  async download(selected: ReadonlySet<number>, signal = this.#parts.options.signal): Promise<void> {
    const { options, context, platform } = this.#parts
    const { seed = false, sync = false } = options
    const want = { selected: () => this.#wanted(), toFetch: true, signal }
    this.#wants.add(selected)
    try {
      // The data is wanted all the same, and may take days: said before, and failed with after.
      const alone = seed ? await nobodyToShareWith(options, context) : undefined
      if (alone !== undefined) platform.log.log("notice", "dataset", alone.message)
      await this.#use(want, async (engagement) => {
        await this.#complete(engagement, selected, signal)
        if (seed && alone === undefined) await this.#start(engagement, { seed, fetch: true }, [], signal)
        if (sync) await unlessAborted(signal, engagement.store.flush())
        if (alone !== undefined) throw alone
        if (seed) engagement.gives = true
      })
    } catch (error) {
      this.#wants.delete(selected)
      if (!this.#shared.inUse && this.#shared.current?.gives !== true) this.#shared.letGo()
      else this.#wantLess()
      throw error
    } finally {
      this.#wants.delete(selected)
    }
  }

  /** Puts what is on disk at others' disposal. */
  seed(signal = this.#parts.options.signal): Promise<Torrent> {
    const { resolved, options, context } = this.#parts
    const { metainfo } = resolved
    return this.#feed.during(() =>
      this.#use(this.#toGive(signal), async (engagement) => {
        if (engagement.refusalToGive !== undefined) throw engagement.refusalToGive
        if (engagement.store.have.count === 0 && metainfo.layout.pieceCount > 0) {
          throw new AtError("AT_NO_SOURCES", `there is nothing to share: no piece of ${metainfo.name} is on disk`, {
            hint:
              options.data === undefined
                ? "download it first, use the `datastore` that contains it, or name its file or folder itself with `data`"
                : "check that `data` is the dataset's file or folder itself, not the folder that contains it",
          })
        }
        const alone = await nobodyToShareWith(options, context)
        if (alone !== undefined) throw alone
        const torrent = await this.#start(engagement, { seed: true, fetch: false }, [], signal)
        engagement.gives = true
        return torrent
      }),
    )
  }

  /** Gives as {@link seed} does, and waits until a limit is reached. */
  async giveUntil(limits: GiveLimits): Promise<void> {
    const { platform, resolved } = this.#parts
    const torrent = await this.seed(limits.signal)
    const give = () => giveUntil(torrent, resolved.metainfo.layout.dataLength, platform.clock, limits)
    await this.#use(this.#toGive(limits.signal), give)
  }

  /** Verified bytes of the torrent from `offset` on: from disk, or fetched. */
  read(offset: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const { platform, options, resolved } = this.#parts
    const { clock, reach } = platform
    const { seed = false, timeout } = options
    const { layout } = resolved.metainfo
    const pieces = piecesWithin(layout, offset, length)
    const files = layout.extents(offset, length).map(({ file }) => file)
    const want = { selected: () => new Set<number>(), toFetch: true, signal }
    return this.#use(want, async (engagement) => {
      const { store, refusal } = engagement
      if (refusal !== undefined) await unlessAborted(signal, store.look(pieces))
      const bytes = await readVerified(store, layout, offset, length, signal)
      if (bytes !== undefined) return bytes
      if (refusal !== undefined) throw engagement.refuse(new Set(files), refusal)
      const torrent = await this.#start(engagement, { seed, fetch: true }, pieces, signal)
      await unlessAborted(signal, Promise.all(files.map((file) => store.keepAtPlace(file))))
      return patiently((over) => torrent.read(offset, length, over), torrent, clock, { signal, timeout, reach })
    })
  }

  /** How a check of what is on disk sees to it that nothing stays believed that it finds damaged. */
  forCheck(): Hearer & Pick<VerifyOptions, "takeLock"> {
    return this.#shared.forCheck()
  }

  /** Ends what is under way, saves, and lets go of everything. The parts' signal is to be aborted before. */
  close(): Promise<void> {
    return this.#shared.close()
  }

  /** Does a call's work: where it is so wished again, while another process has the dataset. */
  #use<T>(want: Want, work: (engagement: Engagement) => Promise<T>): Promise<T> {
    const { platform, options, resolved, datastore } = this.#parts
    const { wait = false, timeout } = options
    const attempt = (): Promise<T> => this.#shared.use(want, work)
    if (!wait) return attempt()
    const other = new OtherProcess({
      clock: platform.clock,
      disk: platform.disk,
      acquireLock: platform.acquireLock,
      signal: want.signal,
      timeout,
      stateDirectory: stateDirectory(datastore, resolved.metainfo.infoHash),
      onWaiting: (waitingFor) => {
        const totalBytes = resolved.metainfo.layout.dataLength
        this.#feed.show(stillSnapshot(this.#dataset, { state: "checking", doneBytes: 0, totalBytes, waitingFor }))
      },
    })
    return other.outlast(attempt)
  }

  async #complete(
    engagement: Engagement,
    selected: ReadonlySet<number>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { platform, options, resolved } = this.#parts
    const { timeout, seed = false } = options
    const isThere = (): boolean => engagement.has(selected)
    for (let round = 0; !(await engagement.stillHas(selected, signal)); round++) {
      if (round === MAX_ROUNDS) {
        throw new AtError("AT_CORRUPT", `files of ${resolved.metainfo.name} are removed or changed again and again`, {
          hint: "stop the program that does so, then get the dataset again",
        })
      }
      await unlessAborted(
        signal,
        engagement.select(() => this.#wanted()),
      )
      if (engagement.refusal !== undefined) {
        if (isThere()) break
        throw engagement.refuse(selected, engagement.refusal)
      }
      const torrent = await this.#start(engagement, { seed, fetch: true }, engagement.store.wanted, signal)
      await waitComplete(torrent, platform.clock, { signal, timeout, isThere, reach: platform.reach })
    }
    if (engagement.torrent === undefined) {
      const { layout } = resolved.metainfo
      const pieces = layout.piecesOfFiles(this.#wanted())
      this.#feed.show(completeSnapshot(this.#dataset, { bytes: layout.dataSizeOf(pieces), pieces: pieces.count }))
    }
  }

  #toGive(signal: AbortSignal | undefined): Want {
    return { selected: () => new Set(this.#parts.resolved.metainfo.layout.files.keys()), toFetch: false, signal }
  }

  #wanted(): Set<number> {
    const union = new Set<number>()
    for (const files of this.#wants) for (const file of files) union.add(file)
    return union
  }

  /** What a download wanted that failed is fetched no more, unless others want it. */
  #wantLess(): void {
    const selecting = this.#shared.current?.select(() => this.#wanted())
    // Those hear of it who still wait for something.
    selecting?.catch(() => {})
  }

  async #start(
    engagement: Engagement,
    purpose: Purpose,
    pieces: Iterable<number>,
    signal: AbortSignal | undefined = this.#parts.options.signal,
  ): Promise<Torrent> {
    const torrent = await unlessAborted(signal, engagement.start(purpose, pieces))
    if (engagement === this.#shared.current) this.#feed.follow(torrent)
    return torrent
  }
}
