import { toHex } from "../bytes/hex.js"
import { cacheDirectory, dhtBootstrapSetting } from "../node/user-settings.js"
import type { Platform } from "../ports/platform.js"
import type { DhtSettings } from "../session/dht-discovery.js"
import type { Options } from "./options.js"
import { parsePeers } from "./peers.js"

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
      const handle = await this.#platform.disk.open(this.#path, "read")
      try {
        const bytes = new Uint8Array(MAX_STATE)
        return bytes.subarray(0, await handle.read(bytes, 0))
      } finally {
        await handle.close()
      }
    } catch {
      return undefined
    }
  }

  async save(bytes: Uint8Array): Promise<void> {
    const { disk, random, log } = this.#platform
    const temporary = `${this.#path}.${toHex(random.bytes(6))}`
    try {
      await disk.makeDirectory(this.#directory)
      const handle = await disk.open(temporary, "create-new")
      try {
        await handle.write([bytes], 0)
      } finally {
        await handle.close()
      }
      await disk.rename(temporary, this.#path)
    } catch (error) {
      log.log("info", "dht", `the DHT's nodes can't be kept in ${this.#directory}: ${String(error)}`)
      await disk.remove(temporary).catch(() => {})
    }
  }

  get #path(): string {
    return `${this.#directory}/dht-nodes`
  }
}
