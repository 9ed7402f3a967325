import { toHex } from "../bytes/hex.js"
import { TORRENT_LIMITS } from "../metainfo/info-dictionary.js"
import type { Platform } from "../ports/platform.js"
import { firstBytes, withFile } from "../storage/read-file.js"
import { stateDirectory } from "../storage/state-directory.js"
import { replaceFile } from "./replace-file.js"

/** The service puts new web seeds into a .torrent from time to time: after a day it is worth asking again. ms */
const FRESH = 24 * 60 * 60 * 1000

/** A kept .torrent. */
export interface Kept {
  readonly bytes: Uint8Array
  /** Old enough to ask for a newer one, when that can be done. */
  readonly stale: boolean
}

/** .torrent files by infohash: beside the data (written by the store), and in the user's cache. */
export class TorrentCache {
  readonly #platform: Pick<Platform, "disk" | "clock" | "random" | "log">
  readonly #directory: string
  readonly #datastore: string

  constructor(options: {
    platform: Pick<Platform, "disk" | "clock" | "random" | "log">
    /** Absolute. */
    directory: string
    /** Absolute. */
    datastore: string
  }) {
    this.#platform = options.platform
    this.#directory = `${options.directory}/torrents`
    this.#datastore = options.datastore
  }

  /** The one that was written last: by the service's word, or by the user's, who gave the file. */
  async get(infoHash: Uint8Array): Promise<Kept | undefined> {
    const cached = this.#path(infoHash)
    const beside = `${stateDirectory(this.#datastore, infoHash)}/dataset.torrent`
    const [cachedAt, besideAt] = await Promise.all([this.#writtenAt(cached), this.#writtenAt(beside)])
    const [newer, older] = besideAt > cachedAt ? [beside, cached] : [cached, beside]
    return (await this.#read(newer)) ?? (await this.#read(older))
  }

  /** Keeps a .torrent. A cache that can't be written to is no reason to fail. */
  async put(infoHash: Uint8Array, bytes: Uint8Array): Promise<void> {
    const { disk, log } = this.#platform
    try {
      await disk.makeDirectory(this.#directory)
      await replaceFile(this.#platform, this.#path(infoHash), bytes, { durable: false })
    } catch (error) {
      log.log("info", "cache", `the .torrent can't be kept in ${this.#directory}: ${String(error)}`)
    }
  }

  #path(infoHash: Uint8Array): string {
    return `${this.#directory}/${toHex(infoHash)}.torrent`
  }

  /** ns; 0 when there is nothing. */
  async #writtenAt(path: string): Promise<bigint> {
    const stat = await this.#platform.disk.stat(path).catch(() => undefined)
    return stat?.mtimeNs ?? 0n
  }

  async #read(path: string): Promise<Kept | undefined> {
    const { disk, clock } = this.#platform
    try {
      return await withFile(disk, path, async (handle) => {
        const { size, mtimeNs } = await handle.stat()
        // An empty one is what a power cut left.
        if (size === 0 || size > TORRENT_LIMITS.length) return undefined
        const age = clock.wallTime() - Number(mtimeNs / 1_000_000n)
        // From the future: a clock was wrong.
        return { bytes: await firstBytes(handle, size), stale: Math.abs(age) > FRESH }
      })
    } catch {
      return undefined
    }
  }
}
