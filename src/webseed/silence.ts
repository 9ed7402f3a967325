import type { Clock, Timer } from "../ports/clock.js"

/** Notices when nothing is heard for `limit` milliseconds. */
export class Silence {
  readonly #clock: Clock
  readonly #limit: number
  readonly #onSilent: () => void
  #heardAt = 0
  #timer: Timer | undefined

  constructor(clock: Clock, limit: number, onSilent: () => void) {
    this.#clock = clock
    this.#limit = limit
    this.#onSilent = onSilent
  }

  /** From now on. */
  watch(): void {
    this.stop()
    this.heard()
    this.#arm(this.#limit)
  }

  /** Cheap, as it is called for each chunk. */
  heard(): void {
    this.#heardAt = this.#clock.now()
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #arm(delay: number): void {
    this.#timer = this.#clock.after(delay, () => {
      const left = this.#heardAt + this.#limit - this.#clock.now()
      if (left > 0) this.#arm(left)
      else this.#onSilent()
    })
  }
}
