import { AtError, abortError } from "../errors.js"
import { VERSION } from "../node/version.js"
import type { Platform } from "../ports/platform.js"
import { Session } from "../session/session.js"
import { PieceStore } from "../storage/piece-store.js"
import type { Torrent } from "../torrent/torrent.js"
import type { Options } from "./options.js"
import type { ResolveContext, Resolved } from "./resolve.js"
import { findSources } from "./sources.js"

/** What an engagement is made from. */
export interface EngagementParts {
  readonly platform: Platform
  readonly options: Options
  readonly resolved: Resolved
  readonly context: ResolveContext
  /** Absolute. */
  readonly datastore: string
}

/** A dataset's store, held open, and the torrent at work on it once there is something to fetch or to give. */
export class Engagement {
  readonly store: PieceStore
  readonly #parts: EngagementParts
  #session: Session | undefined
  #torrent: Torrent | undefined
  #starting: Promise<Torrent> | undefined
  #closing = false

  private constructor(store: PieceStore, parts: EngagementParts) {
    this.store = store
    this.#parts = parts
  }

  /**
   * Takes the dataset's lock and finds out what is there.
   *
   * `toFetch` false: nothing will be fetched, so no space is needed.
   */
  static async open(
    parts: EngagementParts,
    selected: ReadonlySet<number>,
    how: { toFetch: boolean; onChecking: (done: number, total: number) => void },
  ): Promise<Engagement> {
    const { platform, resolved, datastore, options } = parts
    const { signal, verify = "auto", overwrite = false, data } = options
    const common = {
      platform,
      metainfo: resolved.metainfo,
      onChecking: how.onChecking,
      ...(signal === undefined ? {} : { signal }),
    }
    const store =
      data === undefined
        ? await PieceStore.open({
            ...common,
            torrentBytes: resolved.torrentBytes,
            datastore,
            selected,
            verify,
            overwrite,
            checkFreeSpace: how.toFetch,
          })
        : await PieceStore.openReadOnly({ ...common, dataPath: data })
    return new Engagement(store, parts)
  }

  get torrent(): Torrent | undefined {
    return this.#torrent
  }

  /** Where we listen, if we do. */
  get port(): number | undefined {
    return this.#session?.port
  }

  /** Pieces of the selection that are not on disk. */
  get missing(): number {
    let missing = 0
    for (const piece of this.store.wanted) if (!this.store.have.has(piece)) missing++
    return missing
  }

  async select(selected: ReadonlySet<number>): Promise<void> {
    if (this.#torrent === undefined) await this.store.select(selected)
    else await this.#torrent.select(selected)
  }

  /** Puts the torrent to work, unless it is already. @throws AtError `AT_ABORTED` when it is being closed */
  async start(how: { seed: boolean; fetch: boolean }): Promise<Torrent> {
    if (this.#closing) throw abortError()
    this.#starting ??= this.#start(how)
    return this.#starting
  }

  /** Ends all transfers, saves, and lets the dataset go. */
  async close(): Promise<void> {
    this.#closing = true
    await this.#starting?.catch(() => {})
    // The session's torrents close their stores.
    await this.#session?.close()
    if (this.#torrent === undefined) await this.store.close()
  }

  async #start({ seed, fetch }: { seed: boolean; fetch: boolean }): Promise<Torrent> {
    const { platform, options, context, resolved } = this.#parts
    if (context.offline) {
      throw new AtError(
        "AT_NO_SOURCES",
        `${this.missing} of ${this.store.wanted.count} pieces of ${resolved.metainfo.name} are not on this machine`,
        { hint: "run without --offline" },
      )
    }
    const sources = await findSources(resolved, options, context, fetch)
    this.#session ??= await Session.open({
      platform,
      clientVersion: `academictorrents ${VERSION}`,
      ...(options.port === undefined ? {} : { port: options.port }),
      ...(options.maxDownload === undefined ? {} : { maxDownload: options.maxDownload }),
      ...(options.maxUpload === undefined ? {} : { maxUpload: options.maxUpload }),
    })
    this.#torrent = this.#session.add({ metainfo: resolved.metainfo, store: this.store, seed, fetch, ...sources })
    return this.#torrent
  }
}
