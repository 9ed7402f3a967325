/** Requests sent ahead that were lost with none coming between, before no more are. */
const MOST_LOST = 2
/** Requests that must bring what they asked for, one at a time, before another is sent ahead; doubled each time. */
const PROBATION = 64
const LONGEST_PROBATION = 4096

/**
 * Whether a server can be trusted with requests before the answers to those before them are there. A restart loses them on all
 * connections at once, and does not mean that it never could be.
 */
export class AheadTrust {
  #lost = 0
  #probation = PROBATION
  /** Requests still to come before it is trusted again. */
  #left = 0

  get isGiven(): boolean {
    return this.#lost < MOST_LOST
  }

  /** One that was sent ahead was answered. */
  came(): void {
    this.#lost = 0
  }

  /** One that was sent ahead was not. */
  lost(): void {
    if (++this.#lost !== MOST_LOST) return
    this.#left = this.#probation
    this.#probation = Math.min(2 * this.#probation, LONGEST_PROBATION)
  }

  /** Any request brought what it asked for. */
  served(): void {
    if (!this.isGiven && --this.#left <= 0) this.#lost = MOST_LOST - 1
  }
}
