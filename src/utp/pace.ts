/** Round trips in a round trip: a window goes out a little faster than it is acknowledged, or it would never be full. */
const STEADY = 1.25
/** The same while the window doubles with each round trip (as Linux does for TCP). */
const DOUBLING = 2
/** ms; what takes less is spread no finer. */
const SHORTEST = 1
/** ms that may be made up for at once: timers and a busy program are late. */
const LATEST = 8
/** Packets that go out at once in any case: no queue minds them (RFC 6928: 10). */
const BURST = 10

/**
 * Spreads packets over the round trip. Without it they travel in a clump: acknowledgements come as close together as the line
 * can bear, and each sets the next packet free. A clump of a whole window is more than many a router's queue takes, and more than
 * the 90 packets that Linux keeps by default for a receiver who does something else just then.
 */
export class Pace {
  readonly #burst: number
  /** Bytes that may go out now; fewer than none when a packet took more than there was. */
  #credit: number
  /** Clock time up to which credit was given, ms. */
  #creditedAt = 0

  /** Bytes in a packet. */
  constructor(packet: number) {
    this.#burst = this.#credit = BURST * packet
  }

  /** Gives credit up to `now`, ms, for a `window` of bytes in a round trip of `roundTrip` ms. */
  advance(now: number, window: number, roundTrip: number, doubling: boolean): void {
    const rate = (window / Math.max(roundTrip, SHORTEST)) * (doubling ? DOUBLING : STEADY)
    const most = Math.max(this.#burst, rate * LATEST)
    this.#credit = Math.min(this.#credit + rate * (now - this.#creditedAt), most)
    this.#creditedAt = now
  }

  /** Something may go out now. */
  get open(): boolean {
    return this.#credit > 0
  }

  /** So many bytes went out. */
  sent(bytes: number): void {
    this.#credit -= bytes
  }
}
