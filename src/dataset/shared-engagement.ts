import { abortError } from "../errors.js"
import type { VerifyOptions } from "../storage/verify.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"
import { abortWith } from "./abort-with.js"
import { BadPieces, type Hearer } from "./bad-pieces.js"
import { DatasetLock } from "./dataset-lock.js"
import { Engagement, type EngagementParts } from "./engagement.js"
import { noStats } from "./no-stats.js"
import type { ProgressFeed } from "./progress-feed.js"
import { stillSnapshot } from "./still-snapshot.js"
import { unlessAborted } from "./unless-aborted.js"

export interface SharedEngagementOptions {
  readonly feed: ProgressFeed
  readonly dataset: { readonly name: string; readonly infoHash: string }
  /** It is closed without anybody's doing, once a download is done. */
  readonly passing: boolean
}

/** An engagement that calls share, from when it is to be opened until it is closed. */
class Hold {
  /** Calls that are at work with it, or wait for it. */
  users = 0
  /** Undefined while it is being opened. */
  engagement: Engagement | undefined
  /** Ends the opening, and what is still looked at after it. */
  readonly over: AbortController
  readonly opening: Promise<Engagement>

  constructor(signal: AbortSignal | undefined, open: (hold: Hold) => Promise<Engagement>) {
    this.over = abortWith(signal)
    this.opening = open(this)
  }
}

/** What a call wants of the engagement. */
export interface Want {
  /** Files (indexes) that are wanted, if it is opened for this call. */
  readonly selected: () => ReadonlySet<number>
  /** They are to be fetched, not only given. */
  readonly toFetch: boolean
  readonly signal: AbortSignal | undefined
}

/** The one engagement that all calls share: opened when it is first needed, and again after it failed or was let go. */
export class SharedEngagement {
  readonly #parts: EngagementParts
  readonly #feed: ProgressFeed
  readonly #dataset: { readonly name: string; readonly infoHash: string }
  readonly #lock: DatasetLock
  readonly #bad = new BadPieces()
  #hold: Hold | undefined
  /** That one, and those before it that calls are still at work with. */
  readonly #holds = new Set<Hold>()
  /** The end of the engagements before. */
  #leaving: Promise<unknown> = Promise.resolve()
  #fetchedBefore = 0
  /** Of the torrent that worked last. */
  #statsBefore: TorrentStats = noStats()
  #closed = false

  constructor(parts: EngagementParts, { feed, dataset, passing }: SharedEngagementOptions) {
    this.#parts = parts
    this.#feed = feed
    this.#dataset = dataset
    const use = {
      name: dataset.name,
      passing: () => passing || this.#closed || this.#hold === undefined,
      idleTime: () => this.current?.torrent?.idleTime ?? 0,
      waitingFor: () => this.current?.torrent?.snapshot().waitingFor ?? null,
    }
    this.#lock = new DatasetLock({ parts, feed, dataset, use })
  }

  /** Undefined while none is open. */
  get current(): Engagement | undefined {
    return this.#hold?.engagement
  }

  /** A call is at work with it, or waits for it. */
  get inUse(): boolean {
    return this.#hold !== undefined && this.#hold.users > 0
  }

  /** Payload bytes that were fetched, by those before, too. */
  get fetchedBytes(): number {
    return this.#fetchedBefore + (this.current?.torrent?.fetchedBytes ?? 0)
  }

  /** Where the time of the transfers goes, or went that ended last. */
  get stats(): TorrentStats {
    return this.current?.torrent?.stats() ?? this.#statsBefore
  }

  /**
   * Does a call's work with it, opened if need be. It is let go when nobody else uses it and the torrent failed, or it is not
   * even open yet.
   */
  async use<T>(want: Want, work: (engagement: Engagement) => Promise<T>): Promise<T> {
    const before = this.current
    try {
      return await this.#useOnce(want, work)
    } catch (error) {
      if (!isOutdated(before, error)) throw error
      return this.#useOnce(want, work)
    }
  }

  /** How a check of what is on disk sees to it that nothing stays believed that it finds damaged. */
  forCheck(): Hearer & Pick<VerifyOptions, "takeLock"> {
    const engagement = this.current
    const hearer = this.#bad.hearer(() => this.current)
    // A journal that nobody holds is told at the end, under its lock.
    if (engagement !== undefined && engagement.refusal === undefined) return hearer
    return { ...hearer, takeLock: (path) => this.#lock.takeAtOnce(path) }
  }

  /** Ends it, also while it is being opened. */
  letGo(): void {
    if (this.#hold !== undefined) this.#end(this.#hold)
  }

  /** Lets go of it for good. Resolves when all is saved. */
  async close(): Promise<void> {
    this.#closed = true
    for (const hold of this.#holds) this.#end(hold)
    await this.#leaving
  }

  async #useOnce<T>(want: Want, work: (engagement: Engagement) => Promise<T>): Promise<T> {
    if (this.#closed) throw abortError()
    if (this.current?.failed) this.letGo()
    this.#hold ??= this.#begin(want)
    const hold = this.#hold
    hold.users++
    try {
      return await work(await unlessAborted(want.signal, hold.opening))
    } catch (error) {
      // Who comes next looks afresh. Those who read what is there go on.
      if (hold === this.#hold && isOutdated(hold.engagement, error)) this.#hold = undefined
      throw error
    } finally {
      hold.users--
      const isOfUse = hold === this.#hold && hold.engagement?.failed === false
      if (hold.users === 0 && !isOfUse) this.#end(hold)
    }
  }

  #begin(want: Want): Hold {
    const hold = new Hold(this.#parts.options.signal, (hold) => this.#open(hold, want))
    this.#holds.add(hold)
    return hold
  }

  async #open(hold: Hold, { selected, toFetch }: Want): Promise<Engagement> {
    const { over } = hold
    await this.#leaving
    try {
      const files = selected()
      const doubted = this.#bad.kept
      const engagement = await Engagement.open(this.#parts, files, {
        signal: over.signal,
        toFetch,
        doubted,
        takeLock: (path) => this.#lock.take(path, files, over.signal),
        onChecking: (done, total) =>
          this.#feed.show(stillSnapshot(this.#dataset, { state: "checking", doneBytes: done, totalBytes: total })),
      })
      if (over.signal.aborted) {
        await this.#leave(engagement)
        throw abortError(over.signal.reason)
      }
      hold.engagement = engagement
      this.#bad.handTo(engagement, doubted)
      return engagement
    } catch (error) {
      over.abort()
      this.#holds.delete(hold)
      if (this.#hold === hold) this.#hold = undefined
      throw error
    }
  }

  #end(hold: Hold): void {
    if (!this.#holds.delete(hold)) return
    if (hold === this.#hold) this.#hold = undefined
    hold.over.abort()
    const { engagement, opening } = hold
    if (engagement?.torrent !== undefined) {
      this.#feed.leave()
      this.#fetchedBefore += engagement.torrent.fetchedBytes
      this.#statsBefore = engagement.torrent.stats()
    }
    const ended = engagement === undefined ? opening.catch(() => {}) : this.#leave(engagement)
    this.#leaving = Promise.all([this.#leaving, ended])
  }

  async #leave(engagement: Engagement): Promise<void> {
    try {
      await engagement.close()
    } catch (error) {
      this.#parts.platform.log.log("warn", "dataset", `${this.#dataset.name} was not closed well: ${String(error)}`)
    }
    // The last pieces were written meanwhile.
    this.#statsBefore = engagement.torrent?.stats() ?? this.#statsBefore
  }
}

/** It refuses a call as somebody had the lock when it was opened, who may be gone by now, or have brought what is wanted. */
function isOutdated(engagement: Engagement | undefined, error: unknown): boolean {
  const { refusal, torrent } = engagement ?? {}
  return refusal !== undefined && refusal === error && refusal.code === "AT_LOCKED" && torrent === undefined
}
