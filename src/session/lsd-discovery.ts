import type { Lsd } from "../lsd/lsd.js"
import type { Platform } from "../ports/platform.js"
import type { Discovery, Search, Wanted } from "../torrent/finding/discovery.js"
import { LateSearch } from "./late-search.js"

/** Local discovery as the torrents of a session see it. It is loaded, and its port opened, when the first torrent searches. */
export class LsdDiscovery implements Discovery {
  readonly origin = "lsd"
  /** A datagram or two cost nothing, and nobody is as fast as a neighbour. */
  readonly after = 500
  readonly #platform: Platform
  readonly #port: number | undefined
  #starting: Promise<Lsd | undefined> | undefined

  /** `port`: the TCP port that we listen at. */
  constructor({ platform, port }: { platform: Platform; port: number | undefined }) {
    this.#platform = platform
    this.#port = port
  }

  search(wanted: Wanted): Search {
    const search = new LateSearch({
      starting: "asking the local network",
      impossible: "the local network can't be asked",
    })
    this.#starting ??= this.#start()
    void this.#starting.then((lsd) => search.begin(lsd, wanted))
    return search
  }

  async close(): Promise<void> {
    const lsd = await this.#starting
    await lsd?.close()
  }

  async #start(): Promise<Lsd | undefined> {
    try {
      const { Lsd } = await import("../lsd/lsd.js")
      return await Lsd.start({ platform: this.#platform, port: this.#port })
    } catch (error) {
      this.#platform.log.log("warn", "lsd", `no local discovery: ${String(error)}`)
      return undefined
    }
  }
}
