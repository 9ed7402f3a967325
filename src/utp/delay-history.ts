import { microsecondsBetween } from "./wrapping.js"

/** Minutes whose least delays are kept (libutp: 13; RFC 6817: 10). Longer, and clocks that drift apart look like a queue. */
const MINUTES = 13
const MINUTE = 60_000
/** The queue is the least of so many last samples: single ones are noise (libutp and libtorrent: 3). */
const SAMPLES = 3

/**
 * One-way delays in one direction, in microseconds modulo 2^32. As numbers they mean nothing, for the two clocks differ;
 * above the least one of the last minutes they are the time spent in queues.
 */
export class DelayHistory {
  readonly #leastOfMinute = new Array<number>(MINUTES).fill(0)
  readonly #queues = new Array<number>(SAMPLES).fill(0)
  #minute = 0
  #minuteStart = 0
  #nextQueue = 0
  #base: number | undefined

  /** The least delay; undefined as long as there is no sample. */
  get base(): number | undefined {
    return this.#base
  }

  /** Microseconds in queues lately, 0 without a sample. */
  get queue(): number {
    return Math.min(...this.#queues)
  }

  /** `now`: ms of our clock. */
  add(delay: number, now: number): void {
    if (this.#base === undefined) {
      this.#leastOfMinute.fill(delay)
      this.#base = delay
      this.#minuteStart = now
    }
    if (microsecondsBetween(delay, this.#leastOfMinute[this.#minute] as number) < 0) {
      this.#leastOfMinute[this.#minute] = delay
    }
    if (microsecondsBetween(delay, this.#base) < 0) this.#base = delay
    this.#queues[this.#nextQueue] = microsecondsBetween(delay, this.#base)
    this.#nextQueue = (this.#nextQueue + 1) % SAMPLES
    if (now - this.#minuteStart >= MINUTE) this.#turnMinute(delay, now)
  }

  /** The clocks drift: what was the least delay is so many microseconds more by now. */
  shift(by: number): void {
    if (this.#base === undefined) return
    for (let i = 0; i < MINUTES; i++) this.#leastOfMinute[i] = ((this.#leastOfMinute[i] as number) + by) >>> 0
    this.#base = (this.#base + by) >>> 0
  }

  #turnMinute(delay: number, now: number): void {
    this.#minuteStart = now
    this.#minute = (this.#minute + 1) % MINUTES
    this.#leastOfMinute[this.#minute] = delay
    this.#base = this.#leastOfMinute.reduce((least, each) => (microsecondsBetween(each, least) < 0 ? each : least))
  }
}
