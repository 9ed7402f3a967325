/** A timer that has not fired yet. */
export interface Timer {
  /** Does nothing when it has fired or was cancelled. */
  cancel(): void
}

/** Time, so that a test can own it. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number
  /** Milliseconds since 1970, as the machine's calendar says; may jump. */
  wallTime(): number
  /** Calls `fn` once, `delay` milliseconds from now. */
  after(delay: number, fn: () => void): Timer
}
