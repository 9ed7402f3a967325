/** So many in a time, and no more until it is over. */
export class Allowance {
  readonly #most: number
  readonly #time: number
  #since = Number.NEGATIVE_INFINITY
  #taken = 0

  /** `most` in `time` ms. */
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
