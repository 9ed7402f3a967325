import type { UtpPacket } from "./packet.js"
import type { SentPacket } from "./under-way.js"
import { microseconds, microsecondsBetween } from "./wrapping.js"

/** What an acknowledgement brings. */
export class Acknowledged {
  packets = 0
  /** Payload. */
  bytes = 0
  /**
   * ms that one of these packets took, the shortest; infinite when all were sent several times: if an earlier transmission is what
   * arrived, the time since the last one is less than any round trip.
   */
  least = Number.POSITIVE_INFINITY
  /**
   * ms that the last transmission took which is known to have arrived; undefined when that was known before, or when the
   * packet was sent several times. Of what was sent before it nobody knows when it arrived: the other side says so late when
   * much is missing, for a selective acknowledgement reaches only so far.
   */
  sample: number | undefined
  /** The same of a packet that was sent several times: a round trip takes that long, or longer if an earlier transmission arrived. */
  atLeast: number | undefined
  /** Nothing was lost of what was last said to be lost, nor by a time-out: it was only late. */
  mistaken = false
  readonly #answers: number | undefined
  readonly #now: number
  readonly #shortest: number

  /** `now`: clock time, ms; `shortest`: a round trip took so long at least, ms. */
  constructor(from: UtpPacket, now: number, shortest: number) {
    this.#answers = from.answers
    this.#now = now
    this.#shortest = shortest
  }

  /** A packet arrived, with so many bytes. @returns ms since its last transmission */
  add({ sentAt, transmissions }: SentPacket, payload: number): number {
    const took = this.#now - sentAt
    this.packets++
    this.bytes += payload
    if (transmissions === 1) this.least = Math.min(this.least, took)
    return took
  }

  /** It is of a later transmission than any before. */
  measure({ transmissions }: SentPacket, took: number): void {
    this.sample = transmissions === 1 ? took : undefined
    this.atLeast = transmissions === 1 ? undefined : took
  }

  /** It answers something that was sent before that time of our clock, ms: so the other side had nothing newer then. */
  answersBefore(time: number): boolean {
    return this.#answers !== undefined && microsecondsBetween(this.#answers, microseconds(time)) < 0
  }

  /** Not the last transmission of this packet arrived, but one before. */
  isOfEarlier({ transmissions, sentAt }: SentPacket, took: number): boolean {
    return transmissions > 1 && (took < this.#shortest || this.answersBefore(sentAt))
  }
}
