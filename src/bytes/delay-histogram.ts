/** Buckets grow by so many to a doubling: a percentile is at most a fifth too high. */
const PER_DOUBLING = 4
/** The last begins at 55 s. */
const BUCKETS = 64

/** Delays in ms, counted in buckets: adding one allocates nothing. */
export class DelayHistogram {
  max = 0
  #count = 0
  #sum = 0
  readonly #buckets = new Uint32Array(BUCKETS)

  add(delay: number): void {
    this.#count++
    this.#sum += delay
    if (delay > this.max) this.max = delay
    const bucket = Math.ceil(PER_DOUBLING * Math.log2(Math.max(1, delay)))
    this.#buckets[Math.min(bucket, BUCKETS - 1)]!++
  }

  get mean(): number {
    return this.#count > 0 ? this.#sum / this.#count : 0
  }

  /** So large a share (0 to 1) of all delays was no longer than this, or a little less. */
  percentile(share: number): number {
    let left = share * this.#count
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return Math.min(this.max, 2 ** (bucket / PER_DOUBLING))
    }
    return this.max
  }
}
