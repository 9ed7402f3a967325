import type { Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"

/** ms between two looks: it costs a tenth of one. */
const INTERVAL = 5_000

/** `lost` are no more, others of those before may stay; there may be new ones. */
type OnChange = (lost: ReadonlySet<string>, someStay: boolean) => void

/**
 * Notices when this machine has other addresses than before: a laptop goes from one network to the next. They count once two
 * looks have found the same, since some come later than others, and some only go for a moment.
 */
export class OwnAddresses {
  readonly #platform: Pick<Platform, "clock" | "ownAddresses">
  readonly #onChange: OnChange
  #known: ReadonlySet<string>
  #seen: ReadonlySet<string>
  #timer: Timer

  constructor(platform: Pick<Platform, "clock" | "ownAddresses">, onChange: OnChange) {
    this.#platform = platform
    this.#onChange = onChange
    this.#known = this.#seen = new Set(platform.ownAddresses())
    this.#timer = this.#later()
  }

  close(): void {
    this.#timer.cancel()
  }

  #later(): Timer {
    return this.#platform.clock.after(INTERVAL, () => this.#look())
  }

  #look(): void {
    this.#timer = this.#later()
    const before = this.#seen
    const seen = new Set(this.#platform.ownAddresses())
    this.#seen = seen
    // Without any there is no network, and if it comes back with those that were, connections go on.
    if (seen.size === 0 || !isSame(seen, before) || isSame(seen, this.#known)) return
    const lost = new Set([...this.#known].filter((address) => !seen.has(address)))
    const someStay = lost.size < this.#known.size
    this.#known = seen
    this.#onChange(lost, someStay)
  }
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((address) => b.has(address))
}
