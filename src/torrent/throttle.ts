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
  readonly #onOpen = (): void => this.#update()
  readonly #onRelease: () => void
  #holding = false

  /** `onRelease` is called when reading goes on: there is room to ask for more. */
  constructor(options: {
    clock: Clock
    limit: RateLimit
    totals: Totals
    peers: () => Iterable<PeerSource>
    onRelease: () => void
  }) {
    this.#clock = options.clock
    this.#limit = options.limit
    this.#totals = options.totals
    this.#peers = options.peers
    this.#onRelease = options.onRelease
  }

  get holding(): boolean {
    return this.#holding
  }

  /** Bytes came. To wait for the next tick would be too late: a fast peer sends megabytes in one. */
  took(bytes: number): void {
    this.#limit.take(bytes)
    if (!this.#holding) this.#update()
  }

  /** There is nobody to hold any more. */
  close(): void {
    this.#limit.forget(this.#onOpen)
  }

  /** To be called every 250 ms. */
  tick(): void {
    this.#update()
    // What we keep waiting ourselves would have come.
    if (this.#holding) this.#totals.held(this.#clock.now())
  }

  #update(): void {
    const hold = !this.#limit.open
    if (hold) this.#limit.whenOpen(this.#onOpen)
    if (hold === this.#holding) return
    this.#holding = hold
    for (const { session } of this.#peers()) session.holdReading(hold)
    if (!hold) this.#onRelease()
  }
}
