import type { Clock, Timer } from "../ports/clock.js"

/** Bytes may be saved up for this long, ms: enough that a timer which comes late costs nothing. */
const BURST = 100
/** Who waits is called again after so many ms at least: more often would be work for nothing, and less often not smooth. */
const SLICE = 20

/**
 * A token bucket: how many bytes may pass now. Bytes that passed are taken afterwards, so it may go into debt by one
 * block or chunk, which the following time pays. What passes here passes the limit above, too.
 */
export class RateLimit {
  readonly #clock: Clock
  readonly #bytesPerSecond: number | undefined
  readonly #above: RateLimit | undefined
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>()
  readonly #wakeFromAbove = (): void => this.#wake()
  #tokens: number
  #updated: number
  #timer: Timer | undefined

  /** `bytesPerSecond` undefined: no limit but that above. */
  constructor(clock: Clock, bytesPerSecond: number | undefined, above?: RateLimit) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#above = above
    this.#updated = clock.now()
    this.#tokens = ((bytesPerSecond ?? 0) * BURST) / 1000
  }

  /** Undefined: no limit. */
  get bytesPerSecond(): number | undefined {
    const above = this.#above?.bytesPerSecond
    if (above === undefined || this.#bytesPerSecond === undefined) return this.#bytesPerSecond ?? above
    return Math.min(this.#bytesPerSecond, above)
  }

  /** False while there is a debt to be paid. */
  get open(): boolean {
    return this.#paysIn === 0 && this.#above?.open !== false
  }

  take(bytes: number): void {
    if (this.#bytesPerSecond !== undefined) {
      this.#refill(this.#bytesPerSecond)
      this.#tokens -= bytes
    }
    this.#above?.take(bytes)
  }

  /**
   * Calls `fn` once, soon after it has opened: all who wait in turn, each if it is still open then. Whoever waits already
   * keeps the place.
   */
  whenOpen(fn: () => void): void {
    this.#waiting.add(fn)
    this.#arm()
  }

  /** `fn` waits no more. */
  forget(fn: () => void): void {
    this.#waiting.delete(fn)
    if (this.#waiting.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#above?.forget(this.#wakeFromAbove)
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    const wait = this.#paysIn
    // Torrents take turns only if it is the limit above that calls them.
    if (wait === 0 && this.#above?.open === false) this.#above.whenOpen(this.#wakeFromAbove)
    else this.#timer = this.#clock.after(Math.max(wait, SLICE), () => this.#wake())
  }

  #wake(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const fn of [...this.#waiting]) {
      if (!this.open) break
      this.#waiting.delete(fn)
      fn()
    }
    if (this.#waiting.size > 0) this.#arm()
  }

  /** Milliseconds until its own debt is paid; 0 when there is none. */
  get #paysIn(): number {
    if (this.#bytesPerSecond === undefined) return 0
    const tokens = this.#refill(this.#bytesPerSecond)
    // One more, since it is open only above 0.
    return tokens > 0 ? 0 : Math.floor((-tokens * 1000) / this.#bytesPerSecond) + 1
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
