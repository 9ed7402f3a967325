/** ms before anything was measured (BEP 29). */
const INITIAL_TIMEOUT = 1000
/** ms (BEP 29; libtorrent the same). */
const MIN_TIMEOUT = 500
/** ms; what takes longer does not arrive any more. */
const MAX_TIMEOUT = 16_000

/** How long an answer takes, smoothed, and how long to wait for one (BEP 29, as RFC 6298). Times are ms. */
export class RoundTrip {
  #mean: number | undefined
  #paceMean: number | undefined
  #deviation = 0
  #least = Number.POSITIVE_INFINITY
  #timeout = INITIAL_TIMEOUT
  /** 1, 2, 4, ... */
  #patience = 1

  /** The shortest so far; infinite before the first. */
  get least(): number {
    return this.#least
  }

  /** Smoothed; infinite before the first. */
  get mean(): number {
    return this.#mean ?? Number.POSITIVE_INFINITY
  }

  /** What packets are to be spread over: smoothed; undefined before the first. */
  get forPace(): number | undefined {
    return this.#paceMean
  }

  /** Time until a packet without an answer counts as lost. */
  get timeout(): number {
    return Math.min(this.#timeout * this.#patience, MAX_TIMEOUT)
  }

  /** Of packets that were sent once only: of others nobody knows which copy was answered. */
  add(sample: number): void {
    if (this.#mean === undefined) {
      this.#mean = this.#paceMean = sample
      this.#deviation = sample / 2
    } else {
      this.#deviation += (Math.abs(this.#mean - sample) - this.#deviation) / 4
      this.#mean = smoothed(this.#mean, sample)
    }
    this.#paceMean = smoothed(this.#paceMean, sample)
    this.#least = Math.min(this.#least, sample)
    this.#timeout = Math.max(this.#mean + 4 * this.#deviation, MIN_TIMEOUT)
    this.#patience = 1
  }

  /**
   * Of packets that were sent several times, of which it took at least so long. No measure of how long to wait, but the pace must
   * know: where hundreds were lost nothing else is measured for long, and if the last that was counts another stall, all of them
   * would go out over and over that.
   */
  hasten(atLeast: number): void {
    if (this.#paceMean !== undefined && atLeast < this.#paceMean) this.#paceMean = smoothed(this.#paceMean, atLeast)
  }

  /** Nothing has come in time, and since then nothing was measured. */
  get isBackedOff(): boolean {
    return this.#patience > 1
  }

  /**
   * Nothing came in time: wait twice as long, until something is measured again (Karn). What is acknowledged meanwhile may be
   * what was sent before: where answers suddenly take longer than that, all would be sent twice, and nothing measured, for ever.
   */
  backOff(): void {
    this.#patience *= 2
  }
}

function smoothed(mean: number | undefined, sample: number): number {
  return mean === undefined ? sample : mean + (sample - mean) / 8
}
