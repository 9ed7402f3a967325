import type { Bitfield } from "../bytes/bitfield.js"
import { count } from "../bytes/words.js"
import { AtError, abortError } from "../errors.js"
import { DiskError, isNoRoom } from "../ports/disk.js"
import type { AcquireLock } from "../ports/lock.js"
import type { Platform } from "../ports/platform.js"
import type { Session } from "../session/session.js"
import { PieceStore } from "../storage/piece-store.js"
import type { Torrent } from "../torrent/torrent.js"
import type { Purpose, Sources } from "../torrent/torrent-options.js"
import { needsNetwork } from "./needs-network.js"
import type { Options } from "./options.js"
import type { ResolveContext, Resolved } from "./resolve.js"
import type { SessionSource } from "./session-source.js"
import { findSources } from "./sources.js"
import type { Turns } from "./turns.js"
import { unlessAborted } from "./unless-aborted.js"

/** Milliseconds: files that were looked at so long ago or less are not looked at again. */
const FRESH = 3_000

/** What an engagement is made from. */
export interface EngagementParts {
  readonly platform: Platform
  readonly options: Options
  readonly resolved: Resolved
  readonly context: ResolveContext
  readonly sessions: SessionSource
  /** Absolute. */
  readonly datastore: string
  readonly turns: Turns
}

interface OpenOptions {
  readonly toFetch: boolean
  readonly doubted: ReadonlySet<number>
  readonly takeLock: AcquireLock
  readonly onChecking: (done: number, total: number) => void
  readonly signal: AbortSignal
}

interface OpenedToUse {
  readonly store: PieceStore
  readonly refusal: AtError | undefined
  readonly selected: ReadonlySet<number>
  readonly toFetch: boolean
}

/** A dataset's store, held open, and the torrent at work on it once there is something to fetch or to give. */
export class Engagement {
  readonly store: PieceStore
  /** Why nothing can be fetched: what is there is only read. */
  readonly refusal: AtError | undefined
  /** What was there when it was opened. */
  readonly hadAtFirst: Bitfield
  /** It goes on when no call needs it any more. */
  gives = false
  readonly #parts: EngagementParts
  /** When it was last seen how the files stand. */
  #lookedAt: number
  /** Indexes of files. */
  #selected: ReadonlySet<number>
  /** They are what somebody wants to have, not only what is looked at to be given. */
  #toFetch: boolean
  #session: Session | undefined
  #torrent: Torrent | undefined
  /** Its sources are all that are to be had: those that giving began with may be old when there is something to fetch. */
  #knowsAllSources: boolean
  /** Ends when all that was asked for before is done: selections and starts come one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  private constructor({ store, refusal, selected, toFetch }: OpenedToUse, parts: EngagementParts) {
    this.store = store
    this.hadAtFirst = store.have.copy()
    this.refusal = refusal
    this.#selected = selected
    this.#toFetch = toFetch
    this.#knowsAllSources = !parts.resolved.stale
    this.#parts = parts
    this.#lookedAt = parts.platform.clock.now()
  }

  /**
   * Takes the dataset's lock and finds out what is there.
   *
   * `toFetch` false: nothing will be fetched, so no space is needed, and no finished file is touched. What another one has
   * the lock of is only read, without the lock. `doubted`: pieces that a check found bad.
   */
  static async open(
    parts: EngagementParts,
    selected: ReadonlySet<number>,
    { toFetch, doubted, takeLock, onChecking, signal }: OpenOptions,
  ): Promise<Engagement> {
    const { platform, resolved, datastore, options } = parts
    const { verify = "auto", overwrite = false, data } = options
    const common = {
      platform,
      metainfo: resolved.metainfo,
      onChecking,
      signal,
    }
    if (data !== undefined) {
      const store = await PieceStore.openReadOnly({ ...common, dataPath: data })
      return new Engagement({ store, refusal: onlyRead(data), selected, toFetch }, parts)
    }
    const place = { ...common, datastore, selected, verify, doubted }
    const torrent = { torrentBytes: resolved.torrentBytes, replacesTorrent: !resolved.kept }
    const opened = await PieceStore.open({ ...place, ...torrent, overwrite, toFetch, takeLock }).then(
      (store) => ({ store, refusal: undefined, selected, toFetch }),
      async (error: unknown) => {
        const locked = toFetch && isLocked(error) && !options.seed && !options.sync
        if (!locked && !isUnwritable(error)) throw error
        platform.log.log("info", "dataset", `what is there is only read: ${error.message}`)
        // Nothing is hashed yet of what somebody else may still be downloading.
        const read = locked ? { ...place, selected: new Set<number>() } : place
        const store = await PieceStore.openUnwritable(read).catch((fault: unknown) => {
          throw signal.aborted ? fault : error
        })
        return { store, refusal: error, selected: read.selected, toFetch }
      },
    )
    return new Engagement(opened, parts)
  }

  get torrent(): Torrent | undefined {
    return this.#torrent
  }

  /** The torrent failed for good: another engagement may do better. */
  get failed(): boolean {
    return this.#torrent?.state === "failed"
  }

  /** Why it can't be given: somebody else has the lock. What can't be written to may be given all the same. */
  get refusalToGive(): AtError | undefined {
    return isUnwritable(this.refusal) || !isLocked(this.refusal) ? undefined : this.refusal
  }

  /** Where we listen, if we do. */
  get port(): number | undefined {
    return this.#session?.port
  }

  /** Whether all of these files (indexes) are on disk, verified, under their names. */
  has(files: ReadonlySet<number>): boolean {
    for (const file of files) if (!this.store.fileComplete(file)) return false
    return true
  }

  /**
   * As {@link has}, and none of them was removed or changed meanwhile: a download takes days, and a shared folder has many
   * users. What is not as it was is missing from then on.
   */
  async stillHas(files: ReadonlySet<number>, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.has(files)) return false
    const { clock } = this.#parts.platform
    if (this.refusal !== undefined || clock.now() - this.#lookedAt < FRESH) return true
    await this.store.lookAtComplete(files, signal)
    this.#lookedAt = clock.now()
    return this.has(files)
  }

  /** These files are wanted from now on. `selected` is asked when the turn has come. */
  select(selected: () => ReadonlySet<number>): Promise<void> {
    return this.#inTurn(async () => {
      const files = selected()
      const isAtWork = this.#torrent === undefined || this.#torrent.state === "downloading"
      if (isAtWork && this.#toFetch && sameSet(files, this.#selected)) return
      if (this.refusal !== undefined) await this.#lookFor(files, this.refusal)
      else if (this.#torrent === undefined) await this.store.select(files)
      else await this.#torrent.select(files)
      this.#selected = files
      this.#toFetch = true
    })
  }

  /** Has the torrent at work for this, beside what it is at work for already. `pieces`: those that the caller waits for. */
  start({ seed, fetch }: Purpose, pieces: Iterable<number>): Promise<Torrent> {
    return this.#inTurn(async () => {
      const { context, resolved } = this.#parts
      if (context.offline) throw needsNetwork(resolved.metainfo.name, pieces, this.store.have)
      // Who reads a part of what is only given does not want all of it.
      const purpose = { seed, fetch: fetch && this.#toFetch }
      if (this.#torrent === undefined) {
        this.#torrent = await this.#start(purpose, await this.#findSources(fetch))
        return this.#torrent
      }
      if (fetch && !this.#knowsAllSources) this.#torrent.addSources(await this.#findSources(fetch))
      this.#torrent.want(purpose)
      return this.#torrent
    })
  }

  /** Ends all transfers, saves, and lets the dataset go. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#turn
    // The session's torrents close their stores.
    await this.#session?.close()
    if (this.#torrent === undefined) await this.store.close()
  }

  /** What to say when these files (indexes) are not all there, and `refusal` is why nothing can be fetched. */
  refuse(files: ReadonlySet<number>, refusal: AtError): AtError {
    if (refusal.code === "AT_LOCKED" || !isUnwritable(refusal)) return refusal
    const { context, resolved } = this.#parts
    const lacking = [...files].filter((file) => !this.store.fileComplete(file))
    const obstacle = lacking.map((file) => this.store.obstacleOf(file)).find((words) => words !== undefined)
    const what = `${count(lacking.length, "file")} missing or wrong${obstacle === undefined ? "" : `; ${obstacle}`}`
    return new AtError(
      context.offline ? "AT_NO_SOURCES" : refusal.code,
      `${resolved.metainfo.name} is not all there (${what}), ` +
        `and the datastore can't be written to: ${refusal.message}`,
      { hint: refusal.hint, cause: refusal.cause },
    )
  }

  /** All that lies where `data` says was looked at in the beginning. */
  async #lookFor(files: ReadonlySet<number>, refusal: AtError): Promise<void> {
    if (this.#parts.options.data !== undefined) return
    // What is not all there will not be complete, however long it is hashed.
    if (!this.store.standsWhole(files)) throw this.refuse(files, refusal)
    await this.store.select(files)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => {
      this.#refuseClosed()
      return work()
    })
    this.#turn = result.catch(() => {})
    return result
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw abortError()
  }

  async #findSources(fetch: boolean): Promise<Sources> {
    const { options, context, resolved } = this.#parts
    const sources = await unlessAborted(options.signal, findSources(resolved, options, context))
    this.#refuseClosed()
    this.#knowsAllSources ||= fetch
    return sources
  }

  async #start({ seed, fetch }: Purpose, sources: Sources): Promise<Torrent> {
    const { options, resolved, sessions } = this.#parts
    this.#session ??= await sessions.take()
    // Whoever closes waits for this turn, and closes the session then.
    this.#refuseClosed()
    const superSeeding = options.superSeed
      ? (await import("../torrent/giving/super-seeding.js")).SuperSeeding
      : undefined
    this.#refuseClosed()
    const { maxDownload, maxUpload, maxConnections: maxPeers } = options
    return this.#session.add({
      metainfo: resolved.metainfo,
      store: this.store,
      seed,
      fetch,
      maxDownload,
      maxUpload,
      maxPeers,
      superSeeding,
      pex: options.pex,
      ...sources,
    })
  }
}

/** Somebody is at work on the dataset, who writes to no file that stands complete under its name. */
function isLocked(error: unknown): error is AtError {
  return error instanceof AtError && error.code === "AT_LOCKED"
}

/** The system lets nobody, or not us, write where the dataset's state is kept, or Node does not. */
function isUnwritable(error: unknown): error is AtError {
  if (!(error instanceof AtError && error.cause instanceof DiskError)) return false
  const { failure } = error.cause
  return failure === "permission" || failure === "forbidden" || failure === "read-only" || isNoRoom(failure)
}

function onlyRead(path: string): AtError {
  return new AtError("AT_CORRUPT", `${path} is not complete, and data outside a datastore is only read`, {
    hint: "download into a `datastore` instead",
  })
}

function sameSet(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a.size !== b.size) return false
  for (const item of a) if (!b.has(item)) return false
  return true
}
