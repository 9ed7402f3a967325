/**
 * How many things were somewhere, over time: how many at most, on average, and for how long any. Changes are O(1) and
 * allocate nothing. Times are milliseconds of a clock that never goes back.
 */
export class Occupancy {
  /** Things there at most at a time. */
  max = 0
  #count = 0
  /** Things there, times ms. */
  #integral = 0
  #busy = 0
  /** When it last changed. */
  #since = 0

  /** `by` more came, or left when it is negative. */
  add(by: number, now: number): void {
    this.#settle(now)
    this.#count += by
    if (this.#count > this.max) this.max = this.#count
  }

  /** Sum over all things of how long each was there, ms; divided by {@link busy} it is how many there were. */
  time(now: number): number {
    this.#settle(now)
    return this.#integral
  }

  /** How long at least one was there, ms. */
  busy(now: number): number {
    this.#settle(now)
    return this.#busy
  }

  #settle(now: number): void {
    const passed = Math.max(0, now - this.#since)
    this.#integral += this.#count * passed
    if (this.#count > 0) this.#busy += passed
    this.#since = now
  }
}
