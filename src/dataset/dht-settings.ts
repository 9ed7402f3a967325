import { cacheDirectory, dhtBootstrapSetting } from "../node/user-settings.js"
import type { Platform } from "../ports/platform.js"
import type { DhtSettings } from "../session/dht-discovery.js"
import { firstBytes, withFile } from "../storage/read-file.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"
import { replaceFile } from "./replace-file.js"

/** Nodes that many clients begin with: libtorrent's, BitTorrent's, Transmission's and µTorrent's. */
const DEFAULT_BOOTSTRAP = [
  "dht.libtorrent.org:25401",
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "router.utorrent.com:6881",
]

/** Bytes of the kept state that are read: more is not ours. */
const MAX_STATE = 32 * 1024

/** How a session takes part in the DHT; undefined: not at all. */
export function dhtSettings(platform: Platform, options: Options): DhtSettings | undefined {
  if (options.dht === false) return undefined
  return { bootstrap: bootstrapNodes(options), store: new StateFile(platform, cacheDirectory()) }
}

/** Where the DHT is entered. @throws AtError `AT_INVALID_INPUT` */
export function bootstrapNodes({ dhtBootstrap }: Options): { host: string; port: number }[] {
  return parsePeers(dhtBootstrap ?? dhtBootstrapSetting() ?? DEFAULT_BOOTSTRAP)
}

/** What the DHT keeps from one run to the next, in the user's cache. A cache that fails is no reason to do so. */
class StateFile {
  readonly #platform: Platform
  readonly #directory: string

  constructor(platform: Platform, directory: string) {
    this.#platform = platform
    this.#directory = directory
  }

  async load(): Promise<Uint8Array | undefined> {
    try {
      return await withFile(this.#platform.disk, this.#path, (handle) => firstBytes(handle, MAX_STATE))
    } catch {
      return undefined
    }
  }

  async save(bytes: Uint8Array): Promise<void> {
    const { disk, log } = this.#platform
    try {
      await disk.makeDirectory(this.#directory)
      await replaceFile(this.#platform, this.#path, bytes, { durable: false })
    } catch (error) {
      log.log("info", "dht", `the DHT's nodes can't be kept in ${this.#directory}: ${String(error)}`)
    }
  }

  get #path(): string {
    return `${this.#directory}/dht-nodes`
  }
}
