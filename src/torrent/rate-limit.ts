import type { Clock } from "../ports/clock.js"

/** Bytes may be saved up for this long, ms: short enough to be smooth, long enough for a tick. */
const BURST = 500

/**
 * A token bucket: how many bytes may pass now. Bytes that passed are taken afterwards, so it may go into debt by one
 * block or chunk, which the following time pays.
 */
export class RateLimit {
  readonly #clock: Clock
  readonly #bytesPerSecond: number | undefined
  #tokens = 0
  #updated: number

  /** `bytesPerSecond` undefined: no limit. */
  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#updated = clock.now()
    this.#tokens = ((bytesPerSecond ?? 0) * BURST) / 1000
  }

  /** Undefined: no limit. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond
  }

  /** False while there is a debt to be paid. */
  get open(): boolean {
    return this.#bytesPerSecond === undefined || this.#refill(this.#bytesPerSecond) > 0
  }

  take(bytes: number): void {
    if (this.#bytesPerSecond === undefined) return
    this.#refill(this.#bytesPerSecond)
    this.#tokens -= bytes
  }

  #refill(bytesPerSecond: number): number {
    const now = this.#clock.now()
    this.#tokens = Math.min(
      (bytesPerSecond * BURST) / 1000,
      this.#tokens + ((now - this.#updated) * bytesPerSecond) / 1000,
    )
    this.#updated = now
    return this.#tokens
  }
}
