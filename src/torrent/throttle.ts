import type { Clock } from "../ports/clock.js"
import type { PeerSource } from "./peer-source.js"
import type { RateLimit } from "./rate-limit.js"
import type { Totals } from "./totals.js"

/** Stops reading from the peers while the download limit is overdrawn. */
export class Throttle {
  readonly #clock: Clock
  readonly #limit: RateLimit
  readonly #totals: Totals
  readonly #peers: () => Iterable<PeerSource>
  #holding = false

  constructor(options: { clock: Clock; limit: RateLimit; totals: Totals; peers: () => Iterable<PeerSource> }) {
    this.#clock = options.clock
    this.#limit = options.limit
    this.#totals = options.totals
    this.#peers = options.peers
  }

  get holding(): boolean {
    return this.#holding
  }

  /** Bytes came. To wait for the next tick would be too late: a fast peer sends megabytes in one. */
  took(bytes: number): void {
    this.#limit.take(bytes)
    if (!this.#holding) this.#update()
  }

  /** To be called every 250 ms. */
  tick(): void {
    this.#update()
    // What we keep waiting ourselves would have come.
    if (this.#holding) this.#totals.held(this.#clock.now())
  }

  #update(): void {
    const hold = !this.#limit.open
    if (hold === this.#holding) return
    this.#holding = hold
    for (const { session } of this.#peers()) session.holdReading(hold)
  }
}
