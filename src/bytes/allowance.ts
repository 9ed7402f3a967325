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

  /** How many there are. `now`: clock ms */
  left(now: number): number {
    return this.#isOver(now) ? this.#most : this.#most - this.#taken
  }

  /** Whether there is one. `now`: clock ms */
  hasLeft(now: number): boolean {
    return this.left(now) > 0
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

/** An allowance for each of many. Of those who are gone nothing is kept. */
export class Allowances<Holder extends object> {
  readonly #most: number
  readonly #time: number
  readonly #held = new WeakMap<Holder, Allowance>()

  /** `most` for each in each period of `time` ms. */
  constructor(most: number, time: number) {
    this.#most = most
    this.#time = time
  }

  /** Takes one of `holder`'s, if there is one. `now`: clock ms */
  take(holder: Holder, now: number): boolean {
    let allowance = this.#held.get(holder)
    if (allowance === undefined) {
      allowance = new Allowance(this.#most, this.#time)
      this.#held.set(holder, allowance)
    }
    return allowance.take(now)
  }
}
