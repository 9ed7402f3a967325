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

export interface SharedEngagementOptions {
  readonly feed: ProgressFeed
  readonly dataset: { readonly name: string; readonly infoHash: string }
  /** It is closed without anybody's doing, once a download is done. */
  readonly passing: boolean
}

/** The one engagement that all calls share: opened when it is first needed, and again after it failed or was let go. */
export class SharedEngagement {
  readonly #parts: EngagementParts
  readonly #feed: ProgressFeed
  readonly #dataset: { readonly name: string; readonly infoHash: string }
  readonly #lock: DatasetLock
  readonly #bad = new BadPieces()
  #opening: Promise<Engagement> | undefined
  /** Ends the opening, and what is still looked at after it. */
  #over: AbortController | undefined
  #current: Engagement | undefined
  /** The end of the engagement before. */
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
      passing: () => passing || this.#closed || this.#opening === undefined,
      idleTime: () => this.#current?.torrent?.idleTime ?? 0,
      waitingFor: () => this.#current?.torrent?.snapshot().waitingFor ?? null,
    }
    this.#lock = new DatasetLock({ parts, feed, dataset, use })
  }

  /** Undefined while none is open. */
  get current(): Engagement | undefined {
    return this.#current
  }

  /** Payload bytes that were fetched, by those before, too. */
  get fetchedBytes(): number {
    return this.#fetchedBefore + (this.#current?.torrent?.fetchedBytes ?? 0)
  }

  /** Where the time of the transfers goes, or went that ended last. */
  get stats(): TorrentStats {
    return this.#current?.torrent?.stats() ?? this.#statsBefore
  }

  /** Opens it if need be: `selected` files (indexes) are wanted then, which are to be fetched, or only given. */
  async open(selected: () => ReadonlySet<number>, toFetch: boolean): Promise<Engagement> {
    for (;;) {
      if (this.#closed) throw abortError()
      this.#opening ??= this.#open(selected, toFetch)
      const engagement = await this.#opening
      if (!engagement.failed && engagement === this.#current) return engagement
      if (engagement === this.#current) this.letGo()
    }
  }

  /** How a check of what is on disk sees to it that nothing stays believed that it finds damaged. */
  forCheck(): Hearer & Pick<VerifyOptions, "takeLock"> {
    const engagement = this.#current
    const hearer = this.#bad.hearer(() => this.#current)
    // A journal that nobody holds is told at the end, under its lock.
    if (engagement !== undefined && engagement.refusal === undefined) return hearer
    return { ...hearer, takeLock: (path) => this.#lock.takeAtOnce(path) }
  }

  /** Ends it, also while it is being opened. */
  letGo(): void {
    const [engagement, opening] = [this.#current, this.#opening]
    if (opening === undefined) return
    this.#over?.abort()
    this.#opening = undefined
    if (engagement === undefined) {
      this.#leaving = opening.catch(() => {})
      return
    }
    this.#feed.leave()
    this.#fetchedBefore += engagement.torrent?.fetchedBytes ?? 0
    this.#statsBefore = engagement.torrent?.stats() ?? this.#statsBefore
    this.#current = undefined
    this.#leaving = this.#leave(engagement)
  }

  /** Lets go of it for good. Resolves when all is saved. */
  async close(): Promise<void> {
    this.#closed = true
    this.letGo()
    await this.#leaving
  }

  async #open(selected: () => ReadonlySet<number>, toFetch: boolean): Promise<Engagement> {
    const over = abortWith(this.#parts.options.signal)
    this.#over = over
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
      this.#current = engagement
      this.#bad.handTo(engagement, doubted)
      return engagement
    } catch (error) {
      over.abort()
      if (this.#over === over) this.#opening = undefined
      throw error
    }
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
