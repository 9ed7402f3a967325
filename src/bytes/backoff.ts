/** How the waits grow. Times in milliseconds. */
export interface BackoffOptions {
  /** The first wait, at most. */
  readonly first: number
  /** No wait is longer. */
  readonly cap: number
  /** How much each wait is longer than the one before. */
  readonly factor?: number
  /** The part of a wait that chance may take off, 0 to 1: so that those who failed together don't come back together. */
  readonly jitter?: number
}

const DEFAULT_FACTOR = 2
const DEFAULT_JITTER = 0.25

/** Waits between attempts at what keeps failing: exponential, capped, with jitter. */
export class Backoff {
  readonly #first: number
  readonly #cap: number
  readonly #factor: number
  readonly #jitter: number
  readonly #below: (below: number) => number
  #failures = 0

  /** `below(n)` is a random whole number from 0 up to, not including, `n`. */
  constructor(options: BackoffOptions, below: (below: number) => number) {
    this.#first = options.first
    this.#cap = options.cap
    this.#factor = options.factor ?? DEFAULT_FACTOR
    this.#jitter = options.jitter ?? DEFAULT_JITTER
    this.#below = below
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures
  }

  /** Counts a failure; returns the milliseconds to wait before the next attempt, a whole number. */
  fail(): number {
    const longest = Math.floor(Math.min(this.#cap, this.#first * this.#factor ** this.#failures))
    this.#failures++
    return longest - this.#below(Math.floor(longest * this.#jitter) + 1)
  }

  /** It worked: the next failure is the first again. */
  reset(): void {
    this.#failures = 0
  }
}
