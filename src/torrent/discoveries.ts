import type { Endpoint } from "../ports/net.js"
import type { Discovery, Search } from "./discovery.js"

/** ms without a byte after which more sources are looked for. */
const STARVED_AFTER = 1_000
/** ms after which a download that gets on well looks for more as well: it is no short one. */
const LONG_AFTER = 5_000

/** What a torrent knows when it asks itself whether to look further. */
export interface Need {
  /** Clock ms. */
  readonly now: number
  readonly lastArrival: number
  /** It is downloading, or gives to whoever comes. */
  readonly wantsPeers: boolean
  readonly downloading: boolean
  /** There is nobody else to ask. */
  readonly noOtherSource: boolean
}

/**
 * One torrent's searches. They begin when they are needed: a short download with good sources is over before, and has not
 * paid for them.
 */
export class Discoveries {
  readonly #discoveries: readonly Discovery[]
  readonly #infoHash: Uint8Array
  readonly #onPeers: (peers: readonly Endpoint[], origin: Discovery["origin"]) => void
  readonly #searches: Search[] = []
  #startedAt: number | undefined
  #began = false
  #closed = false

  constructor(options: {
    discoveries: readonly Discovery[]
    infoHash: Uint8Array
    onPeers: (peers: readonly Endpoint[], origin: Discovery["origin"]) => void
  }) {
    this.#discoveries = options.discoveries
    this.#infoHash = options.infoHash
    this.#onPeers = options.onPeers
  }

  /** Whether somebody may yet be found. */
  get hopeful(): boolean {
    if (this.#closed) return false
    return this.#began ? this.#searches.some((search) => search.hopeful) : this.#discoveries.length > 0
  }

  /** How they stand, in a few words each. */
  status(): string[] {
    return this.#searches.map((search) => search.status)
  }

  /** Begins to search when that is due. To be called every 250 ms, and first at the start. */
  tick(need: Need): void {
    this.#startedAt ??= need.now
    if (this.#began || this.#closed || !need.wantsPeers || !this.#isDue(need, this.#startedAt)) return
    this.#began = true
    for (const discovery of this.#discoveries) {
      const { origin } = discovery
      const onPeers = (peers: readonly Endpoint[]): void => this.#onPeers(peers, origin)
      this.#searches.push(discovery.search({ infoHash: this.#infoHash, onPeers }))
    }
  }

  /** Nobody is there to fetch from. */
  soon(): void {
    for (const search of this.#searches) search.soon()
  }

  close(): void {
    this.#closed = true
    for (const search of this.#searches) search.close()
  }

  #isDue({ now, lastArrival, downloading, noOtherSource }: Need, startedAt: number): boolean {
    if (!downloading || noOtherSource || now - startedAt >= LONG_AFTER) return true
    return now - Math.max(lastArrival, startedAt) >= STARVED_AFTER
  }
}
