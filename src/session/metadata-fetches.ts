import { toHex } from "../bytes/hex.js"
import type { Handover, MetadataFetch } from "../torrent/metadata/metadata-fetch.js"

/** The fetches of metadata in one session: whoever wants the same metadata shares one. */
export class MetadataFetches {
  /** At work, by the infohashes (hex) that are known of their torrents. */
  readonly #running = new Map<string, MetadataFetch>()
  /** The ends of those that are not at work any more, until they are closed. */
  readonly #endings = new Set<Promise<void>>()

  /** The fetch at work for an infohash (hex). */
  get(key: string): MetadataFetch | undefined {
    return this.#running.get(key)
  }

  /** Joins the fetch for these infohashes; if there is none, the one that `create` makes is started. */
  join(infoHashes: readonly Uint8Array[], create: () => MetadataFetch): MetadataFetch {
    const keys = infoHashes.map(toHex)
    const known = this.#running.get(keys[0]!)
    if (known !== undefined) {
      known.join()
      return known
    }
    const fetch = create()
    for (const key of keys) this.#running.set(key, fetch)
    fetch.join()
    fetch.start((ended) => {
      for (const key of keys) this.#running.delete(key)
      const done = ended.finally(() => this.#endings.delete(done))
      this.#endings.add(done)
    })
    return fetch
  }

  /** Ends the fetch for one of these infohashes (hex), if there is any: what it leaves to the torrent that follows it. */
  release(keys: readonly string[]): Handover | undefined {
    const key = keys.find((name) => this.#running.has(name))
    return key === undefined ? undefined : this.#running.get(key)?.release()
  }

  /** Ends all. */
  async close(): Promise<void> {
    for (const fetch of [...this.#running.values()]) void fetch.close()
    await Promise.all(this.#endings)
  }
}
