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

  /** Takes one, if there is one. `now`: clock ms */
  take(now: number): boolean {
    if (now - this.#since >= this.#time) {
      this.#since = now
      this.#taken = 0
    }
    if (this.#taken >= this.#most) return false
    this.#taken++
    return true
  }
}
