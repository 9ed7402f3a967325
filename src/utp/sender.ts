import type { Clock } from "../ports/clock.js"
import { Congestion } from "./congestion.js"
import type { Delays } from "./delays.js"
import { Outgoing } from "./outgoing.js"
import { Pace } from "./pace.js"
import { UTP_HEADER, UTP_TYPE, type UtpPacket, type UtpType, writeFixed } from "./packet.js"
import { DATAGRAM, type PacketPool } from "./packet-pool.js"
import { RoundTrip } from "./round-trip.js"
import { isSlowdown } from "./slowdown.js"
import { TheirWindow } from "./their-window.js"
import type { SentPacket } from "./under-way.js"
import { seq } from "./wrapping.js"
import { WriteQueue } from "./write-queue.js"

/** Bytes of a full packet. */
const PAYLOAD = DATAGRAM - UTP_HEADER
/** Bytes under way at most. */
const MAX_WINDOW = 1024 * 1024
/** Bytes queued before `write` asks to wait, as for TCP. */
const HIGH_WATER = 256 * 1024

export interface SenderOptions {
  readonly clock: Clock
  readonly pool: PacketPool
  /** Knows all packets that come. */
  readonly delays: Delays
  /** The number of our first packet. */
  readonly sequence: number
  /** Of packets to the other side. */
  readonly sendId: number
  /** Completes the header with where we stand now, and sends. */
  readonly send: (datagram: Uint8Array, now: number) => void
}

/** What goes out by one connection: how much at a time, and again when it got lost. */
export class Sender {
  readonly theirWindow = new TheirWindow()
  readonly #options: SenderOptions
  readonly #roundTrip = new RoundTrip()
  readonly #congestion = new Congestion(PAYLOAD, MAX_WINDOW)
  readonly #pace = new Pace(DATAGRAM)
  readonly #outgoing: Outgoing
  readonly #queue = new WriteQueue()
  /** Clock time: something was acknowledged, or the first packet sent, ms. */
  #waitingSince = 0
  #needsDrain = false
  #isPaced = false

  constructor(options: SenderOptions) {
    this.#options = options
    this.#outgoing = new Outgoing(options.sequence, (buffer) => options.pool.give(buffer))
  }

  /** The number of the next packet. */
  get next(): number {
    return this.#outgoing.next
  }

  /** Bytes that wait to be put into packets. */
  get queued(): number {
    return this.#queue.length
  }

  /** Some packet waits for its acknowledgement. */
  get waiting(): boolean {
    return this.#outgoing.waiting
  }

  /** The last {@link pump} left some for the next, a millisecond later. */
  get isPaced(): boolean {
    return this.#isPaced
  }

  /** See {@link Outgoing.plausible}. */
  plausible(ack: number): boolean {
    return this.#outgoing.plausible(ack)
  }

  /** Queues bytes; {@link pump} sends them. False: {@link pump} says when more is welcome. */
  push(chunk: Uint8Array, onTaken: (() => void) | undefined): boolean {
    this.#queue.push(chunk, onTaken)
    if (this.#queue.length <= HIGH_WATER) return true
    this.#needsDrain = true
    return false
  }

  /** Nothing that waits is to be sent. */
  clearQueue(): void {
    this.#queue.clear()
  }

  /** Forgets all. */
  clear(): void {
    this.#queue.clear()
    this.#outgoing.clear()
  }

  /** Sends what both windows allow, and the {@link Pace}; without `data`, only what was sent before. True: more is welcome now, and was not. */
  pump(data: boolean): boolean {
    const { pool, clock } = this.#options
    const outgoing = this.#outgoing
    const now = clock.now()
    this.#advancePace(now)
    for (;;) {
      const lost = outgoing.firstLost()
      if (lost === undefined) break
      // The first one whatever the window says (RFC 6675): a selective acknowledgement may reach across few packets, libutp's across
      // thirty, and what arrives beyond is not told, and counts as under way, until that one is there.
      const fits = outgoing.bytesUnderWay + lost.length <= this.#lineWindow(now)
      if (!fits && outgoing.bytesUnderWay > 0 && !outgoing.isFirst(lost)) return false
      if (this.#waitsForPace()) return false
      this.#transmit(lost)
    }
    if (!data) return false
    const idle = !outgoing.waiting && now - this.#waitingSince >= this.#roundTrip.timeout
    if (idle && this.#queue.length > 0) this.#congestion.rested()
    const window = Math.min(this.#lineWindow(now), this.theirWindow.bytes)
    while (this.#queue.length > 0 && outgoing.hasRoom && outgoing.span < pool.limit(outgoing.span)) {
      const length = Math.min(this.#queue.length, PAYLOAD)
      if (outgoing.bytesUnderWay + length > window || this.#waitsForPace()) return false
      this.#transmitNew(UTP_TYPE.data, length)
    }
    if (this.#queue.length > 0 || !this.#needsDrain) return false
    this.#needsDrain = false
    return true
  }

  /** To be called often while nothing is under way: asks the other side for its window if nothing goes out because of it. */
  probe(now: number): void {
    const window = this.theirWindow
    const length = Math.min(this.#queue.length, PAYLOAD)
    if (length > window.bytes && !window.stops(now)) return
    if (length > window.bytes && window.bytes === 0) {
      this.#repeatLast(now)
      return
    }
    window.passed()
    if (length > window.bytes) this.#transmitNew(UTP_TYPE.data, window.bytes)
  }

  /** Sends a SYN or FIN, which is repeated until it is acknowledged. */
  sign(type: UtpType, connectionId: number = this.#options.sendId): void {
    this.#transmitNew(type, 0, connectionId)
  }

  /** Takes what a packet with a plausible `ack` acknowledges. */
  acknowledge(packet: UtpPacket, now: number): void {
    const measured = this.#options.delays.add(packet, now)
    const underWay = this.#outgoing.bytesUnderWay
    const acknowledged = this.#outgoing.acknowledge(packet, now, this.#roundTrip.least)
    if (acknowledged.sample !== undefined) this.#roundTrip.add(acknowledged.sample)
    if (acknowledged.atLeast !== undefined) this.#roundTrip.hasten(acknowledged.atLeast)
    if (acknowledged.packets > 0) this.#waitingSince = now
    if (acknowledged.mistaken) this.#congestion.undo()
    if (acknowledged.bytes > 0 && measured) {
      this.#congestion.acknowledged(acknowledged.bytes, underWay, this.#options.delays.queue(acknowledged.least))
    }
    this.findLost(now)
  }

  /** Clock time when {@link findLost} is to be called, if nothing is acknowledged before, ms; infinite: need not be. */
  get lossDue(): number {
    return this.#outgoing.lossDue
  }

  /** Looks for packets that are lost by now; {@link pump} sends them again. */
  findLost(now: number): void {
    if (this.#outgoing.findLost(now, this.#roundTrip)) this.#congestion.lost(now)
  }

  /** An acknowledgement is overdue. */
  overdue(now: number): boolean {
    return this.#outgoing.waiting && now - this.#waitingSince >= this.#roundTrip.timeout
  }

  /** All that is under way seems to be lost: begins again, slowly. */
  timedOut(now: number): void {
    this.#waitingSince = now
    this.#congestion.timedOut(this.#roundTrip.isBackedOff)
    this.#roundTrip.backOff()
    this.#outgoing.loseAll(now)
  }

  /** Sends a byte under the last number that was sent, which the other side has acknowledged: it drops that, and says how its window stands. */
  #repeatLast(now: number): void {
    const datagram = new Uint8Array(UTP_HEADER + 1)
    const { sendId, send } = this.#options
    writeFixed(datagram, { type: UTP_TYPE.data, connectionId: sendId, sequence: seq(this.#outgoing.next - 1) })
    send(datagram, now)
  }

  /** Bytes that the line may have under way. */
  #lineWindow(now: number): number {
    return isSlowdown(now) ? this.#congestion.least : this.#congestion.window
  }

  #advancePace(now: number): void {
    const roundTrip = this.#roundTrip.forPace
    this.#isPaced = false
    // Before the first answer there is little to spread.
    if (roundTrip !== undefined) this.#pace.advance(now, this.#congestion.window, roundTrip, this.#congestion.doubling)
  }

  #waitsForPace(): boolean {
    this.#isPaced = !this.#pace.open
    return this.#isPaced
  }

  #transmitNew(type: UtpType, length: number, connectionId: number = this.#options.sendId): void {
    const { clock, pool } = this.#options
    const buffer = pool.take()
    writeFixed(buffer, { type, connectionId, sequence: this.#outgoing.next })
    if (length > 0) this.#queue.take(buffer, UTP_HEADER, length)
    if (!this.#outgoing.waiting) this.#waitingSince = clock.now()
    this.#transmit(this.#outgoing.add(buffer, UTP_HEADER + length))
  }

  #transmit(packet: SentPacket): void {
    const now = this.#options.clock.now()
    this.#outgoing.transmitted(packet, now)
    this.#pace.sent(packet.length)
    this.#options.send(packet.buffer.subarray(0, packet.length), now)
  }
}
