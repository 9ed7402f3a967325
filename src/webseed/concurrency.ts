/** Browsers open six connections to a host; servers and their owners expect about that many. */
const MOST = 8
/** Small requests wait for the network more than they use it: only more of them in flight help. */
const MOST_WHEN_SMALL = 32
const FIRST = 2
const FIRST_WHEN_SMALL = 8
/** Bytes: below this mean size of a request, latency and not bandwidth decides. */
const SMALL_REQUEST = 256 * 1024
/** Bytes: larger files are asked for in parts, whose size does not depend on the file's. */
const LARGE_FILE = 4 * 1024 * 1024
/** Milliseconds after a change that are not measured: a new connection needs some round trips to reach its speed. */
const SETTLING = 500
/** Milliseconds that are measured before the next decision. */
const MEASURING = 500
/** One more run must bring this much, or it is not worth the server's connection. */
const WORTHWHILE_GAIN = 1.05
/** Milliseconds to stay after a step back before looking again; doubled each time up to the longest. */
const HOLD = 30_000
const LONGEST_HOLD = 600_000
/** Weight of the newest request in the mean size. */
const NEWEST = 1 / 8

/** Bytes that a request will have, as far as the lengths of the files tell before the first one. */
export function expectedRequest(lengths: readonly number[]): number {
  if (lengths.length === 0) return LARGE_FILE
  return lengths.reduce((sum, length) => sum + Math.min(length, LARGE_FILE), 0) / lengths.length
}

/**
 * How many runs one web seed may have under way: one more (with small requests: twice as many) as long as the
 * aggregate rate grows by 5 %, then a step back and a long pause. Refusals and failures halve it.
 */
export class Concurrency {
  #limit: number
  #alone = false
  #active = 0
  #meanRequest: number
  /** What a step back returns to, and the rate that was measured there. */
  #before: { limit: number; rate: number } | undefined
  #holdUntil = 0
  #hold = HOLD
  /** Until then not one more than the limit is tried. */
  #crowdedUntil = 0
  #measureFrom: number | undefined
  #measured = 0
  /** Most runs at a time since `#measureFrom`: a limit that was never reached says nothing about itself. */
  #peak = 0

  /** `meanRequest`: bytes of a request, see {@link expectedRequest}. */
  constructor(meanRequest: number) {
    this.#meanRequest = meanRequest
    this.#limit = this.#small ? FIRST_WHEN_SMALL : FIRST
  }

  /** Runs that may be under way: at least 1. */
  get limit(): number {
    return this.#alone ? 1 : Math.min(this.#limit, this.#most)
  }

  /** Whether runs beside each other would be fetched twice over, so that there is to be one at a time. */
  set alone(alone: boolean) {
    this.#alone = alone
  }

  /** Runs that are under way. */
  get active(): number {
    return this.#active
  }

  runBegan(): void {
    this.#active++
    this.#peak = Math.max(this.#peak, this.#active)
  }

  runEnded(): void {
    this.#active--
  }

  /** A request brought all its `bytes`. */
  requestEnded(bytes: number): void {
    this.#meanRequest += (bytes - this.#meanRequest) * NEWEST
  }

  /** Some run received `bytes`. */
  delivered(now: number, bytes: number): void {
    if (this.#measureFrom === undefined) this.#measureAfter(now)
    const elapsed = now - this.#measureFrom!
    if (elapsed < 0) return
    this.#measured += bytes
    if (elapsed < MEASURING) return
    // Far too late means that the source was idle meanwhile: nothing was measured.
    const judged = !this.#alone && elapsed < 4 * MEASURING && this.#peak >= this.limit && now >= this.#holdUntil
    if (judged) this.#decide(now, this.#measured / elapsed)
    this.#measureAfter(now)
  }

  /** The server refused a run for now: fewer, and no more for a while. */
  refused(now: number): void {
    this.interrupted(now)
    this.#rest(now)
  }

  /** The server refused one run and serves the others: no more than those for a while. */
  crowded(now: number): void {
    this.#limit = Math.max(1, Math.min(this.limit, this.#active - 1))
    this.#before = undefined
    this.#measureAfter(now)
    // Several that are refused together are one refusal.
    if (this.isCrowded(now)) return
    this.#rest(now)
    this.#crowdedUntil = this.#holdUntil
  }

  /** Whether the limit is the server's, so that it is not to be exceeded even for a moment. */
  isCrowded(now: number): boolean {
    return now < this.#crowdedUntil
  }

  /** The network failed: fewer, as that may be how a server limits connections. */
  interrupted(now: number): void {
    this.#limit = Math.max(1, Math.floor(this.limit / 2))
    this.#before = undefined
    this.#measureAfter(now)
  }

  get #small(): boolean {
    return this.#meanRequest < SMALL_REQUEST
  }

  get #most(): number {
    return this.#small ? MOST_WHEN_SMALL : MOST
  }

  #decide(now: number, rate: number): void {
    const before = this.#before
    if (before !== undefined && rate < before.rate * WORTHWHILE_GAIN) {
      this.#limit = before.limit
      this.#before = undefined
      this.#rest(now)
      return
    }
    const limit = this.limit
    this.#before = { limit, rate }
    this.#limit = Math.min(this.#small ? limit * 2 : limit + 1, this.#most)
    // At the most there is nothing to compare with: the next measurement would step back for no reason.
    if (this.#limit === limit) this.#before = undefined
  }

  #rest(now: number): void {
    this.#holdUntil = now + this.#hold
    this.#hold = Math.min(2 * this.#hold, LONGEST_HOLD)
  }

  #measureAfter(now: number): void {
    this.#measureFrom = now + SETTLING
    this.#measured = 0
    this.#peak = this.#active
  }
}
