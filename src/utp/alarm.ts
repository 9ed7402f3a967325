import type { Clock, Timer } from "../ports/clock.js"

/** Calls back once, at the earliest of the times it was set to. */
export class Alarm {
  readonly #clock: Clock
  readonly #fn: () => void
  #timer: Timer | undefined
  /** Clock time, ms. */
  #due = 0

  constructor(clock: Clock, fn: () => void) {
    this.#clock = clock
    this.#fn = fn
  }

  /** `due`: clock time, ms; infinite: never. */
  set(due: number): void {
    if (due === Number.POSITIVE_INFINITY || (this.#timer !== undefined && this.#due <= due)) return
    this.#timer?.cancel()
    this.#due = due
    this.#timer = this.#clock.after(due - this.#clock.now(), () => {
      this.#timer = undefined
      this.#fn()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
