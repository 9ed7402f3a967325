import type { Random } from "../ports/random.js"
import { REFUSED_WAIT, type RetryWish } from "./announce.js"

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** When a tracker does not say (BEP 3's usual value). */
const DEFAULT_INTERVAL = 30 * MINUTE

/** No tracker is asked more often than this without need, whatever it says (as Transmission). */
const INTERVAL_FLOOR = 2 * MINUTE

/** Nor less often, or it forgets us, unless its `min interval` forbids. */
const INTERVAL_CEILING = HOUR

/** However a `min interval` or a `retry in` is written: a tracker can't put us off for longer than a day. */
const LONGEST_WAIT = 24 * HOUR

/** However small a `min interval` is. */
const EARLY_FLOOR = 15 * SECOND

/** Waits after failures in a row: Transmission's ladder, with two short steps for a tracker that was just restarted. */
const LADDER = [20 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR]

/** Waits get up to this part longer, by chance, so that a swarm does not come back all at once. */
const JITTER = 0.1

/** When one tracker is to be asked. Times are milliseconds of the clock. */
export class TrackerSchedule {
  readonly #random: Random
  #failures = 0
  /** Announces in a row that came before their time. */
  #early = 0
  #answered = false
  /** Between two announces when nothing fails. */
  #usual = LADDER.at(-1)!
  #nextAt: number | null = 0
  #begunAt = 0
  /** By the tracker's interval. */
  #regularAt = 0
  /** By what the tracker allows. */
  #earliestAt = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  /** When to ask; 0 at first, null when the tracker said never. */
  get nextAt(): number | null {
    return this.#nextAt
  }

  /** When a tracker that is only a reserve may be asked: an announce that worked need not be waited out. */
  get reserveAt(): number | null {
    return this.#answered && this.#failures === 0 ? this.#earliestAt : this.#nextAt
  }

  /** The tracker is being asked. */
  begin(now: number): void {
    this.#begunAt = now
    this.#early = now < this.#regularAt ? this.#early + 1 : 0
  }

  /** It answered; seconds as it said them. */
  succeeded(now: number, interval: number | undefined, minInterval: number | undefined): void {
    this.#failures = 0
    this.#answered = true
    const atLeast = Math.min(seconds(minInterval) ?? 0, LONGEST_WAIT)
    const stated = seconds(interval) ?? DEFAULT_INTERVAL
    this.#usual = Math.max(clamp(stated, INTERVAL_FLOOR, INTERVAL_CEILING), atLeast)
    const early = Math.max(seconds(minInterval) ?? Math.min(stated, INTERVAL_FLOOR), EARLY_FLOOR)
    this.#regularAt = now + this.#jittered(this.#usual)
    // Each early announce in a row doubles the wait for the next: a swarm without peers seldom gets some within minutes.
    this.#earliestAt = Math.min(now + early * 2 ** this.#early, this.#regularAt)
    this.#nextAt = this.#regularAt
  }

  /** It failed, perhaps with a word on when to come back. */
  failed(now: number, retry: RetryWish | undefined): void {
    if (retry === "never") {
      this.#failures++
      this.#nextAt = null
      return
    }
    // Who has answered before is asked no more seldom than usually: it may be our own network that was gone.
    const step = Math.min(LADDER[Math.min(this.#failures, LADDER.length - 1)]!, this.#usual)
    this.#failures++
    const wait = typeof retry === "number" ? clamp(retry, LADDER[0]!, LONGEST_WAIT) : step
    this.#nextAt = now + this.#jittered(retry === "later" ? Math.max(wait, REFUSED_WAIT) : wait)
  }

  /** Peers are wanted: as soon as the tracker allows. One that fails is not asked more often for that. */
  hasten(): void {
    if (this.#answered && this.#failures === 0 && this.#nextAt !== null) {
      this.#nextAt = Math.min(this.#nextAt, this.#earliestAt)
    }
  }

  /**
   * We have other addresses. A `min interval` is for who has nothing new to say, but an address that comes and goes is no
   * news for ever: each early announce in a row doubles this wait, too.
   */
  moved(): void {
    if (this.#nextAt !== null) this.#nextAt = Math.min(this.#nextAt, this.#begunAt + EARLY_FLOOR * 2 ** this.#early)
  }

  #jittered(wait: number): number {
    return wait + (wait * JITTER * this.#random.below(1024)) / 1024
  }
}

/** Milliseconds; undefined for what can't be a time. */
function seconds(value: number | undefined): number | undefined {
  return value === undefined || !(value > 0) ? undefined : value * SECOND
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high)
}
