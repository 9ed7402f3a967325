import { ProtocolError } from "../errors.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import { Alarm } from "./alarm.js"
import {
  AHEAD_TIME,
  CLOSE_TIME,
  CONFIRM_TIME,
  type ConnectionState,
  KEEP_ALIVE,
  MAX_TIMEOUTS,
} from "./connection-state.js"
import { Delays } from "./delays.js"
import type { UtpConnectionOptions, UtpHost } from "./host.js"
import { Incoming, RECEIVE_WINDOW } from "./incoming.js"
import { type CurrentFields, encodeBare, UTP_TYPE, type UtpPacket, type UtpType, writeCurrent } from "./packet.js"
import { Sender } from "./sender.js"
import { microseconds, seq } from "./wrapping.js"

/** ms until more goes out of what is spread over the round trip, and until more is lost: the finest that Node's timers know. */
const PACE = 1
const NOTHING = new Uint8Array(0)

/** One uTP connection (BEP 29). */
export class UtpConnection implements ByteStream {
  readonly utp = true
  readonly remote: Endpoint
  readonly receiveId: number
  readonly sendId: number
  readonly #host: UtpHost<UtpConnection>
  readonly #delays = new Delays()
  readonly #sender: Sender
  #incoming: Incoming | undefined
  #listener: StreamListener | undefined
  #state: ConnectionState
  /** Clock time when this state began, ms. */
  #stateSince: number
  /** Time-outs in a row. */
  #timeouts = 0
  /** Clock time, ms. */
  #lastSent = 0
  #paused = false
  #pumpAsked = false
  readonly #pumpAgain: Alarm

  private constructor(
    host: UtpHost<UtpConnection>,
    state: ConnectionState,
    { remote, receiveId, sendId, sequence }: UtpConnectionOptions,
  ) {
    const { clock, pool } = host
    this.#host = host
    this.#state = state
    this.#stateSince = clock.now()
    this.remote = remote
    this.receiveId = receiveId
    this.sendId = sendId
    const send = (datagram: Uint8Array, now: number): void => this.#sendNumbered(datagram, now)
    this.#sender = new Sender({ clock, pool, delays: this.#delays, sequence, sendId, send })
    this.#pumpAgain = new Alarm(clock, () => {
      this.#sender.findLost(clock.now())
      this.#pump()
    })
  }

  /** Asks the other side for a connection. */
  static connect(host: UtpHost<UtpConnection>, options: UtpConnectionOptions, listener: StreamListener): UtpConnection {
    const connection = new UtpConnection(host, "syn-sent", options)
    connection.#listener = listener
    connection.#sender.sign(UTP_TYPE.syn, options.receiveId)
    return connection
  }

  /** Answers a SYN. Nothing more is sent before the other side has proved its address. */
  static accept(host: UtpHost<UtpConnection>, options: UtpConnectionOptions, syn: UtpPacket): UtpConnection {
    const connection = new UtpConnection(host, "syn-received", options)
    connection.#incoming = new Incoming(syn.sequence, host.receiveMemory)
    connection.#sender.theirWindow.take(syn)
    connection.#delays.add(syn, host.clock.now())
    connection.acknowledge()
    return connection
  }

  /** It is not known yet whether the other side is where it says. */
  get unconfirmed(): boolean {
    return this.#state === "syn-received"
  }

  get bufferedBytes(): number {
    return this.#sender.queued
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#state === "closing" || this.#state === "gone" || chunk.length === 0) {
      onTaken?.()
      return this.#state === "open" || this.#state === "syn-sent"
    }
    this.#askPump()
    return this.#sender.push(chunk, onTaken)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#host.clock.after(0, () => this.#deliver())
  }

  destroy(): void {
    const listener = this.#listener
    if (this.#state === "closing" || this.#state === "gone") return
    this.#leave()
    this.#host.clock.after(0, () => listener?.onClose())
  }

  /** Ends at once, without a word to the other side. `error`: for the listener, if there still is one. */
  fail(error: Error | undefined): void {
    const listener = this.#listener
    this.#vanish()
    listener?.onClose(error)
  }

  /** Takes a packet that is for this connection, and neither SYN nor reset. */
  receive(packet: UtpPacket): void {
    const now = this.#host.clock.now()
    if (this.#state === "gone" || !this.#sender.plausible(packet.ack)) return
    if (this.#state === "syn-sent") {
      // The number of its first packet is not known before this one.
      if (packet.type !== UTP_TYPE.state || packet.ack !== seq(this.#sender.next - 1)) return
      this.#incoming = new Incoming(seq(packet.sequence - 1), this.#host.receiveMemory)
    } else if (this.#state === "syn-received" && !this.#confirm(packet)) return
    this.#timeouts = 0
    this.#sender.theirWindow.take(packet)
    this.#sender.acknowledge(packet, now)
    if (this.#state === "closing" && !this.#sender.waiting) this.#vanish()
    this.#takePayload(packet)
    if (this.#state === "syn-sent") {
      this.#enter("open")
      // The other side waits for a packet that proves our address, if only a bare one.
      this.#host.askAcknowledge(this)
      this.#listener?.onOpen()
    }
    this.#deliver()
    this.#pump()
  }

  /** The other side knows of no such connection. Not believed when it answers nothing that we can have sent. */
  receiveReset(packet: UtpPacket): void {
    // It names the packet it answers, which may be a bare one: those have the number of the next.
    if (!this.#sender.plausible(packet.ack) && packet.ack !== this.#sender.next) return
    if (this.#state === "syn-sent") this.fail(new ProtocolError("the other side refused the connection"))
    else this.fail(new ProtocolError("the other side reset the connection"))
  }

  /** Says how far all has come. */
  acknowledge(): void {
    if (this.#incoming !== undefined && this.#state !== "gone") this.#sendBare(UTP_TYPE.state)
  }

  /** To be called ten times a second. */
  tick(now: number): void {
    const sender = this.#sender
    const inState = now - this.#stateSince
    if (this.#state === "syn-received") {
      if (inState >= CONFIRM_TIME) this.fail(undefined)
    } else if (this.#state === "closing" && inState >= CLOSE_TIME) {
      this.fail(undefined)
    } else if (sender.waiting) {
      if (sender.overdue(now)) this.#timeOut(now)
    } else if (this.#state === "open") {
      if (sender.theirWindow.unanswered) this.fail(new ProtocolError("the other side does not answer"))
      else sender.probe(now)
    }
    const isWindowDue = this.#incoming?.isWindowDue(now) === true
    if (this.#state === "open" && (isWindowDue || now - this.#lastSent >= KEEP_ALIVE)) this.acknowledge()
    // What was acknowledged selectively isn't sent again: it can't be dropped without the connection.
    if ((this.#incoming?.waited(now) ?? 0) >= AHEAD_TIME && this.#host.receiveMemory.isShort)
      this.fail(new ProtocolError("the other side leaves a gap, and memory is short"))
  }

  /** Only who got our answer to its SYN knows our first number: it is where it says. */
  #confirm(packet: UtpPacket): boolean {
    if (packet.ack !== seq(this.#sender.next - 1)) return false
    this.#enter("open")
    const listener = this.#host.confirmed(this)
    if (listener === undefined) {
      this.#sendBare(UTP_TYPE.reset)
      this.fail(undefined)
    }
    // It may have been destroyed at once.
    else if (this.#state === "open") this.#listener = listener
    else this.#host.clock.after(0, () => listener.onClose())
    return this.#state === "open"
  }

  #timeOut(now: number): void {
    if (++this.#timeouts >= MAX_TIMEOUTS[this.#state]) {
      this.fail(new ProtocolError("the other side does not answer"))
      return
    }
    this.#sender.timedOut(now)
    this.#pump()
  }

  #takePayload(packet: UtpPacket): void {
    const incoming = this.#incoming
    const isEnd = packet.type === UTP_TYPE.fin
    if (this.#state === "closing" || this.#state === "gone" || incoming === undefined) return
    if (!isEnd && (packet.type !== UTP_TYPE.data || packet.payloadLength === 0)) return
    // Also of what came before: the acknowledgement may have been lost.
    this.#host.askAcknowledge(this)
    if (isEnd) incoming.end(packet.sequence)
    else incoming.put(packet.sequence, packet.datagram.subarray(packet.payloadAt))
  }

  #deliver(): void {
    const incoming = this.#incoming
    if (incoming === undefined) return
    while (this.#state === "open" && !this.#paused) {
      const payload = incoming.take()
      if (payload === undefined) break
      if (payload.length > 0) this.#listener?.onData(payload)
    }
    if (this.#state !== "open") return
    if (incoming.ended) {
      this.acknowledge()
      this.fail(undefined)
    } else if (incoming.reopened) this.#host.askAcknowledge(this)
  }

  // What is written in one turn goes out in full packets.
  #askPump(): void {
    if (this.#pumpAsked) return
    this.#pumpAsked = true
    queueMicrotask(() => {
      this.#pumpAsked = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#state === "gone") return
    const drained = this.#sender.pump(this.#state === "open")
    const soonest = this.#host.clock.now() + PACE
    this.#pumpAgain.set(this.#sender.isPaced ? soonest : Math.max(this.#sender.lossDue, soonest))
    if (drained) this.#listener?.onDrain()
  }

  #sendNumbered(datagram: Uint8Array, now: number): void {
    writeCurrent(datagram, this.#current(now))
    this.#send(datagram, now)
    if (this.#incoming?.hasHoles === false) this.#host.acknowledged(this)
  }

  #sendBare(type: UtpType): void {
    const fixed = { type, connectionId: this.sendId, sequence: this.#sender.next }
    const now = this.#host.clock.now()
    this.#send(encodeBare(fixed, this.#current(now), this.#incoming?.selectiveAck() ?? NOTHING), now)
  }

  #current(now: number): CurrentFields {
    const incoming = this.#incoming
    const window = incoming?.sayWindow(now) ?? RECEIVE_WINDOW
    return { timestamp: microseconds(now), timestampDifference: this.#delays.reply, window, ack: incoming?.ack ?? 0 }
  }

  #send(datagram: Uint8Array, now: number): void {
    this.#lastSent = now
    this.#host.send(datagram, this.remote)
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#stateSince = this.#host.clock.now()
  }

  /** Nobody listens any more: lets the other side know, behind all that is under way. */
  #leave(): void {
    this.#listener = undefined
    this.#sender.clearQueue()
    this.#incoming?.clear()
    if (this.#state === "open") {
      this.#enter("closing")
      this.#sender.sign(UTP_TYPE.fin)
    } else this.#vanish()
  }

  #vanish(): void {
    if (this.#state === "gone") return
    this.#enter("gone")
    this.#pumpAgain.cancel()
    this.#listener = undefined
    this.#sender.clear()
    this.#incoming?.clear()
    this.#host.gone(this)
  }
}
