/** Lets a number of things happen in each period, and no more until the next begins. */
export class Allowance {
  readonly #most: number
  readonly #time: number
  #since = Number.NEGATIVE_INFINITY
  #taken = 0

  /** `most` in each period of `time` ms. */
  constructor(most: number, time: number) {
    this.#most = most
    this.#time = time
  }

  /** Whether there is one. `now`: clock ms */
  hasLeft(now: number): boolean {
    return this.#taken < this.#most || this.#isOver(now)
  }

  /** Takes one, if there is one. `now`: clock ms */
  take(now: number): boolean {
    if (!this.hasLeft(now)) return false
    if (this.#isOver(now)) {
      this.#since = now
      this.#taken = 0
    }
    this.#taken++
    return true
  }

  #isOver(now: number): boolean {
    return now - this.#since >= this.#time
  }
}
