/** Milliseconds that a rate looks back: long enough to be steady, short enough to follow a change. */
const DEFAULT_WINDOW = 5000

/** Parts of the window: old bytes leave in steps of a tenth. */
const BUCKETS = 10

/**
 * Bytes a second over a sliding window. Adding allocates nothing and costs O(1): it is called for every block.
 *
 * Times are milliseconds of a clock that never goes back.
 */
export class RateMeter {
  readonly #bucketLength: number
  readonly #buckets = new Float64Array(BUCKETS)
  /** Sum of the buckets. */
  #inWindow = 0
  #total = 0
  /** Number of the newest bucket, counted from time 0. */
  #newest = 0
  #start: number | undefined

  /** `window` in milliseconds. */
  constructor(window: number = DEFAULT_WINDOW) {
    this.#bucketLength = window / BUCKETS
  }

  /** All bytes ever added. */
  get total(): number {
    return this.#total
  }

  add(bytes: number, now: number): void {
    if (this.#start === undefined) {
      this.#start = now
      this.#newest = Math.floor(now / this.#bucketLength)
    }
    this.#advance(now)
    this.#buckets[this.#newest % BUCKETS]! += bytes
    this.#inWindow += bytes
    this.#total += bytes
  }

  /**
   * Bytes a second, 0 when nothing arrived within the window. While younger than the window, the rate since the first
   * byte, over a tenth of the window at least: so it neither starts near zero nor explodes.
   */
  rate(now: number): number {
    if (this.#start === undefined) return 0
    this.#advance(now)
    if (this.#inWindow === 0) return 0
    const oldest = (this.#newest - BUCKETS + 1) * this.#bucketLength
    const span = now - Math.max(oldest, this.#start)
    return (this.#inWindow * 1000) / Math.max(span, this.#bucketLength)
  }

  #advance(now: number): void {
    const bucket = Math.floor(now / this.#bucketLength)
    const steps = Math.min(bucket - this.#newest, BUCKETS)
    for (let step = 1; step <= steps; step++) {
      const index = (this.#newest + step) % BUCKETS
      this.#inWindow -= this.#buckets[index]!
      this.#buckets[index] = 0
    }
    if (bucket > this.#newest) this.#newest = bucket
  }
}
