import { DelayHistory } from "./delay-history.js"
import type { UtpPacket } from "./packet.js"
import { microseconds, microsecondsBetween } from "./wrapping.js"

/** Microseconds; a base delay that falls by more than this at once is no drift of clocks (libutp and libtorrent: 10 ms). */
const MAX_DRIFT = 10_000

/** One-way delays of a connection in both directions: what we tell the other side of its packets, and it us of ours. */
export class Delays {
  readonly #ours = new DelayHistory()
  readonly #theirs = new DelayHistory()
  #reply = 0

  /** What goes into our packets: the difference of the last packet's timestamp to our clock, as it came. */
  get reply(): number {
    return this.#reply
  }

  /** Takes a packet's timestamps. @returns whether it says something of our own packets */
  add(packet: UtpPacket, now: number): boolean {
    if (packet.timestamp !== 0) {
      const before = this.#theirs.base
      this.#reply = microsecondsBetween(microseconds(now), packet.timestamp) >>> 0
      this.#theirs.add(this.#reply, now)
      // Their least delay falls because their clock falls behind ours: then ours, measured by it, must rise.
      const fall = before === undefined ? 0 : microsecondsBetween(before, this.#theirs.base as number)
      if (fall > 0 && fall <= MAX_DRIFT) this.#ours.shift(fall)
    }
    const { measured } = packet
    if (measured !== undefined) this.#ours.add(measured, now)
    return measured !== undefined
  }

  /** Microseconds that our packets spend in queues. No way takes longer than `roundTrip` ms there and back. */
  queue(roundTrip: number): number {
    const most = Math.max(0, roundTrip * 1000)
    const excess = this.#ours.queue - most
    if (excess > 0) this.#ours.shift(Math.floor(excess))
    return Math.min(this.#ours.queue, most)
  }
}
