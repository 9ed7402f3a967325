/** Time in queues that we accept to cause, microseconds (BEP 29; RFC 6817: at most 100 ms). */
const TARGET = 100_000
/** Growth in a round trip without any queue, bytes (libutp and libtorrent: 3000). */
const GAIN = 3000
/** Slow start ends at this share of the target (libutp: 0.9). */
const SLOW_START_LIMIT = 0.9
/** The window is halved once in so many ms at most (libutp and libtorrent: 100). */
const HALVING_INTERVAL = 100
/** Packets the window has room for at least (RFC 6817: 2). */
const MIN_PACKETS = 2
/** Packets to begin with (RFC 6817: 2; RFC 6928, for TCP: 10). */
const INITIAL_PACKETS = 4

/**
 * LEDBAT (BEP 29, RFC 6817): how many bytes may be under way. It grows while our packets spend less than 100 ms in queues,
 * and shrinks when they spend more, the faster the longer, so that it gives way to whatever else fills the line; it is halved when
 * some are lost.
 */
export class Congestion {
  readonly #packet: number
  readonly #largest: number
  #window: number
  #slowStart = true
  /** Slow start ends there. */
  #threshold: number
  #halvedAt = Number.NEGATIVE_INFINITY
  /** Before the last loss or time-out. */
  #before: Standing | undefined

  /** Bytes in a packet, and in the largest window. */
  constructor(packet: number, largest: number) {
    this.#packet = packet
    this.#largest = this.#threshold = largest
    this.#window = INITIAL_PACKETS * packet
  }

  get window(): number {
    return this.#window
  }

  /** The smallest window that there is. */
  get least(): number {
    return MIN_PACKETS * this.#packet
  }

  /** The window doubles with each round trip. */
  get doubling(): boolean {
    return this.#slowStart
  }

  /** Bytes were acknowledged; `underWay` were on the way before, and the last ones spent `queue` microseconds in queues. */
  acknowledged(bytes: number, underWay: number, queue: number): void {
    const offTarget = (TARGET - queue) / TARGET
    if (this.#slowStart && offTarget < 1 - SLOW_START_LIMIT) {
      this.#slowStart = false
      this.#threshold = this.#window
    }
    let change = GAIN * offTarget * Math.min(1, bytes / Math.max(this.#window, bytes))
    // Who does not fill his window does not know that it could be larger. One that doubles is filled half a round trip later.
    if (change > 0 && underWay + this.#packet < this.#window / (this.#slowStart ? 2 : 1)) return
    if (this.#slowStart) {
      if (this.#window + bytes > this.#threshold) this.#slowStart = false
      else change = Math.max(bytes, change)
    }
    // By half in a round trip at most, whatever was measured, as for a loss.
    this.#set(this.#window + Math.max(change, -bytes / 2))
  }

  /** A packet was lost that was sent since this was last said: halves the window, unless it just was. `now`: ms */
  lost(now: number): void {
    if (now - this.#halvedAt < HALVING_INTERVAL) {
      // If this is a mistake, the one before need not be.
      this.#before = undefined
      return
    }
    this.#halvedAt = now
    this.#remember()
    this.#slowStart = false
    this.#set(this.#window / 2)
    this.#threshold = this.#window
  }

  /** Nothing was under way for longer than a time-out: nobody knows what the line bears now (RFC 5681, 4.1). Begins small, and quickly. */
  rested(): void {
    this.#before = undefined
    this.#threshold = Math.max(this.#threshold, this.#window)
    this.#slowStart = true
    this.#set(Math.min(this.#window, INITIAL_PACKETS * this.#packet))
  }

  /**
   * Nothing was heard for long: begins again, and quickly up to half of where it was, or was quickly going: what got lost while the
   * window was small says nothing of the line (libutp and libtorrent leave the threshold as it is). `again`: nor since the last
   * time (RFC 5681, 3.1).
   */
  timedOut(again: boolean): void {
    if (!again) {
      this.#remember()
      this.#threshold = Math.max(this.#window, this.#threshold) / 2
    }
    this.#slowStart = true
    this.#set(0)
  }

  /** What was last said to be lost, or not to answer, was only late: as if it had never been said (RFC 4015). */
  undo(): void {
    if (this.#before === undefined) return
    const { window, threshold, slowStart } = this.#before
    this.#before = undefined
    this.#halvedAt = Number.NEGATIVE_INFINITY
    this.#slowStart = slowStart
    this.#threshold = Math.max(this.#threshold, threshold)
    this.#set(Math.max(this.#window, window))
  }

  #remember(): void {
    this.#before = { window: this.#window, threshold: this.#threshold, slowStart: this.#slowStart }
  }

  #set(window: number): void {
    this.#window = Math.min(Math.max(window, this.least), this.#largest)
  }
}

interface Standing {
  readonly window: number
  readonly threshold: number
  readonly slowStart: boolean
}
