import type { Clock } from "../ports/clock.js"

/** However long somebody wants to be left alone, ms: no word of it counts for longer than a day. */
const LONGEST = 24 * 3_600_000

/** Who is to be left alone, and for how long. */
export class Rests {
  readonly #clock: Clock
  /** Clock ms. */
  readonly #until = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Those who are remembered: whoever's rest is over is forgotten with the next that begins. */
  get size(): number {
    return this.#until.size
  }

  /** For so many ms, a day at most; a longer rest stays. */
  add(key: string, time: number): void {
    const now = this.#clock.now()
    for (const [other, until] of this.#until) if (until <= now) this.#until.delete(other)
    this.#until.set(key, Math.max(now + Math.min(time, LONGEST), this.#until.get(key) ?? 0))
  }

  /** For how long still, ms; 0: no more. */
  of(key: string): number {
    return Math.max((this.#until.get(key) ?? 0) - this.#clock.now(), 0)
  }
}
