import type { Endpoint } from "../ports/net.js"

/** ms after an announce in which whoever heard it connects to us, or never will. */
const PATIENCE = 5_000

export interface LsdSearchOptions {
  readonly onPeers: (peers: readonly Endpoint[]) => void
  /** Whether anybody can be told or heard. */
  readonly hasNeighbours: boolean
  readonly now: () => number
  /** It needs peers. */
  readonly onSoon: () => void
  readonly onClose: () => void
}

/** The search for one torrent's peers near us. */
export class LsdSearch {
  readonly #options: LsdSearchOptions
  #heard = false
  /** Clock ms. */
  #lastAsked: number
  #closed = false

  constructor(options: LsdSearchOptions) {
    this.#options = options
    this.#lastAsked = options.now()
  }

  /** Whether somebody may yet be found. Later ones announce themselves, but nobody should wait for them. */
  get hopeful(): boolean {
    return !this.#closed && this.#options.hasNeighbours && this.#options.now() - this.#lastAsked < PATIENCE
  }

  /** How it stands, in a few words. */
  get status(): string {
    if (!this.#options.hasNeighbours) return "there is no local network to ask"
    if (this.#heard) return "peers in the local network are known"
    return this.hopeful ? "asking the local network" : "nobody in the local network has it"
  }

  /** Our own announce went out. */
  announced(): void {
    this.#lastAsked = this.#options.now()
  }

  /** Somebody announced itself. */
  heard(peer: Endpoint): void {
    this.#heard = true
    this.#options.onPeers([peer])
  }

  soon(): void {
    this.#options.onSoon()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.onClose()
  }
}
