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
  readonly #o: LsdSearchOptions
  #heard = false
  /** Clock ms. */
  #lastAsked: number
  #closed = false

  constructor(options: LsdSearchOptions) {
    this.#o = options
    this.#lastAsked = options.now()
  }

  /** Whether somebody may yet be found. Later ones announce themselves, but nobody should wait for them. */
  get hopeful(): boolean {
    return !this.#closed && this.#o.hasNeighbours && this.#o.now() - this.#lastAsked < PATIENCE
  }

  /** How it stands, in a few words. */
  get status(): string {
    if (!this.#o.hasNeighbours) return "there is no local network to ask"
    if (this.#heard) return "others in the local network have been named"
    return this.hopeful ? "asking the local network" : "nobody in the local network has it"
  }

  /** Our own announce went out. */
  announced(): void {
    this.#lastAsked = this.#o.now()
  }

  /** Somebody announced itself. */
  heard(peer: Endpoint): void {
    this.#heard = true
    this.#o.onPeers([peer])
  }

  soon(): void {
    this.#o.onSoon()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#o.onClose()
  }
}
