import type { UtpPacket } from "./packet.js"
import { microsecondsBetween } from "./wrapping.js"

/** Microseconds; a packet that was sent this little before another, and comes later, was overtaken by it. */
const STALE = 1_000_000
/** ms until a closed window is asked for, and at most between two times (libutp: 15 s; RFC 9293, 3.8.6.1: a time-out, then ever longer). */
const FIRST_PROBE = 200
const LAST_PROBE = 3000
/** Times in a row without an answer until the other side counts as gone: half a minute. */
const MAX_PROBES = 13

/** How many bytes the other side takes, and when to ask for that again: libtorrent doesn't say when it takes more, and what others say may get lost. */
export class TheirWindow {
  #bytes = 0
  /** Timestamp of the packet that said it. */
  #saidAt: number | undefined
  #interval = 0
  /** Clock time, ms. */
  #probeDue = 0
  #probes = 0

  /** Bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** It was asked for often enough, without an answer. */
  get unanswered(): boolean {
    return this.#probes >= MAX_PROBES
  }

  /** Takes what a packet says. A late one does not know better than one that was sent after it. */
  take({ window, timestamp }: UtpPacket): void {
    const older = this.#saidAt === undefined ? 0 : microsecondsBetween(this.#saidAt, timestamp)
    this.#probes = 0
    if (older > 0 && older < STALE) return
    this.#saidAt = timestamp
    this.#bytes = window
  }

  /** Something could be sent. */
  passed(): void {
    this.#interval = this.#probes = 0
  }

  /** Nothing can be sent, it is too small. True: asks for it now. To be called often. */
  stops(now: number): boolean {
    if (this.#interval > 0 && now < this.#probeDue) return false
    const isFirst = this.#interval === 0
    this.#interval = isFirst ? FIRST_PROBE : Math.min(2 * this.#interval, LAST_PROBE)
    this.#probeDue = now + this.#interval
    if (isFirst) return false
    this.#probes++
    return true
  }
}
