import type { Endpoint } from "../../ports/net.js"
import type { Discovery, Search } from "./discovery.js"

/** ms without a byte after which more sources are looked for. */
const STARVED_AFTER = 1_000

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
  /** Those that have not been asked yet. */
  readonly #waiting: Set<Discovery>
  readonly #infoHashes: readonly Uint8Array[]
  readonly #onPeers: (peers: readonly Endpoint[], origin: Discovery["origin"], infoHash: Uint8Array) => void
  readonly #searches: Search[] = []
  #startedAt: number | undefined
  #closed = false

  constructor(options: {
    discoveries: readonly Discovery[]
    /** What the torrent is known by: 20 bytes each. */
    infoHashes: readonly Uint8Array[]
    /** `infoHash`: the one that they were found by. */
    onPeers: (peers: readonly Endpoint[], origin: Discovery["origin"], infoHash: Uint8Array) => void
  }) {
    this.#waiting = new Set(options.discoveries)
    this.#infoHashes = options.infoHashes
    this.#onPeers = options.onPeers
  }

  /** Whether somebody may yet be found. */
  get hopeful(): boolean {
    if (this.#closed) return false
    return this.#waiting.size > 0 || this.#searches.some((search) => search.hopeful)
  }

  /** How they stand, in a few words each. */
  status(): string[] {
    return [...new Set(this.#searches.map((search) => search.status))]
  }

  /** Begins to search where that is due. To be called every 250 ms, and first at the start. */
  tick(need: Need): void {
    this.#startedAt ??= need.now
    if (this.#closed || !need.wantsPeers) return
    for (const discovery of this.#waiting) {
      if (isDue(discovery, need, this.#startedAt)) this.#begin(discovery)
    }
  }

  /** Nobody is there who gives. */
  soon(): void {
    for (const search of this.#searches) search.soon()
  }

  close(): void {
    this.#closed = true
    for (const search of this.#searches) search.close()
  }

  #begin(discovery: Discovery): void {
    const { origin } = discovery
    this.#waiting.delete(discovery)
    for (const infoHash of this.#infoHashes) {
      const onPeers = (peers: readonly Endpoint[]): void => this.#onPeers(peers, origin, infoHash)
      this.#searches.push(discovery.search({ infoHash, onPeers }))
    }
  }
}

function isDue({ after }: Discovery, need: Need, startedAt: number): boolean {
  const { now, lastArrival, downloading, noOtherSource } = need
  if (!downloading || noOtherSource || now - startedAt >= after) return true
  return now - Math.max(lastArrival, startedAt) >= STARVED_AFTER
}
