import type { SentPacket } from "./under-way.js"

/** So many packets sent later that arrived prove that one is lost (BEP 29: 3), where none overtakes another. */
const LATER_ARRIVALS = 3
/** Times that something is taken for lost, and is, until packets are trusted to overtake each other by little again (RFC 8985: 16). */
const MEMORY = 16

/** What round trips are known to take, ms. */
export interface KnownRoundTrip {
  readonly least: number
  readonly mean: number
}

/**
 * When a packet is lost (RACK-TLP, RFC 8985): when one that was sent after it, for the first time or again, has arrived, and then
 * some time. So also a repeated packet that is lost again is found, and at the end of what is sent a single arrival proves enough.
 *
 * That time, a quarter of the shortest round trip, is for packets that overtake each other on the way. Nobody waits for it who has
 * never seen that, once three have arrived. Each time that something was taken for lost and was not, it grows by another quarter.
 */
export class LossDetection {
  /** The highest numbers of transmissions that arrived, highest first. */
  readonly #arrived = new Array<number>(LATER_ARRIVALS).fill(-1)
  /** ms that the first of them took. */
  #took = 0
  /** A packet has overtaken another. */
  #overtaking = false
  /** Quarters of the shortest round trip. */
  #quarters = 1
  /** Episodes until they are forgotten. */
  #memory = 0
  /** The last episode that was a mistake. */
  #mistake = 0

  /** The number of the last transmission that is known to have arrived; -1: none. */
  get latest(): number {
    return this.#arrived[0] as number
  }

  /** A transmission of that number arrived; it took so many ms. */
  arrived(order: number, took: number): void {
    const highest = this.#arrived
    if (order > this.latest) this.#took = took
    let at = highest.length
    while (at > 0 && order > (highest[at - 1] as number)) at--
    if (at === highest.length) return
    highest.copyWithin(at + 1, at)
    highest[at] = order
  }

  /** A packet has arrived that stands before one which arrived earlier. */
  overtaken(): void {
    this.#overtaking = true
  }

  /** Packets are said to be lost, for the first time since those were sent. */
  begins(): void {
    if (this.#memory > 0 && --this.#memory === 0) this.#quarters = 1
  }

  /** What was taken for lost in that episode was only late. */
  mistaken(episode: number): void {
    this.#overtaking = true
    if (episode === this.#mistake) return
    this.#mistake = episode
    this.#memory = MEMORY
    this.#quarters++
  }

  /** Clock time from which on the packet counts as lost, ms; infinite: nothing speaks for that. */
  lostAt({ order, sentAt }: SentPacket, { least, mean }: KnownRoundTrip): number {
    if (order >= this.latest) return Number.POSITIVE_INFINITY
    if (!this.#overtaking && order < (this.#arrived[LATER_ARRIVALS - 1] as number)) return sentAt
    return sentAt + this.#took + Math.min((this.#quarters * least) / 4, mean)
  }
}
