import { ProtocolError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import { Congestion } from "./congestion.js"
import { Delays } from "./delays.js"
import { Incoming, RECEIVE_WINDOW } from "./incoming.js"
import { Outgoing, type SentPacket } from "./outgoing.js"
import {
  type CurrentFields,
  encodeBare,
  UTP_HEADER,
  UTP_TYPE,
  type UtpPacket,
  type UtpType,
  writeCurrent,
  writeFixed,
} from "./packet.js"
import { DATAGRAM, type PacketPool } from "./packet-pool.js"
import { RoundTrip } from "./round-trip.js"
import { microseconds, seq, seqDistance } from "./wrapping.js"
import { WriteQueue } from "./write-queue.js"

/** Bytes of a full packet. */
const PAYLOAD = DATAGRAM - UTP_HEADER
/** Bytes under way at most. */
const MAX_WINDOW = 1024 * 1024
/** Bytes queued before `write` asks to wait, as for TCP. */
const HIGH_WATER = 256 * 1024
/** Time-outs in a row until the other side counts as gone: the first 63 times the shortest, half a minute or more. */
const MAX_TIMEOUTS = 6
/** The same while connecting (libtorrent: 3 s in all): 1 and 2 s. */
const MAX_SYN_TIMEOUTS = 2
/** The same once we have closed, and only want the other side to know. */
const MAX_FIN_TIMEOUTS = 3
/** ms for an accepted connection's other side to prove its address: its first packets may be lost. */
const CONFIRM_TIME = 10_000
/** ms until a closed window is tried with a packet: the word that it is open may be lost (libutp: 15 s). */
const WINDOW_PROBE = 3000
/** ms without a packet of ours until a gateway might forget us (libutp: 29 s, from measuring many). */
const KEEP_ALIVE = 29_000
/** ms for all that is under way to get there once we have closed, whatever the other side goes on to say. */
const CLOSE_TIME = 30_000
const NOTHING = new Uint8Array(0)

/** What a connection needs from the socket it belongs to. */
export interface UtpHost {
  readonly clock: Clock
  readonly pool: PacketPool
  send(datagram: Uint8Array, to: Endpoint): void
  /** {@link UtpConnection.acknowledge} is to be called once what has come together is through. */
  askAcknowledge(connection: UtpConnection): void
  /** It said by another packet what it would have acknowledged. */
  acknowledged(connection: UtpConnection): void
  /** The other side of an accepted connection has proved its address. Undefined: nobody wants it. */
  confirmed(connection: UtpConnection): StreamListener | undefined
  /** No packet belongs to it any more. */
  gone(connection: UtpConnection): void
}

/**
 * - `syn-sent`: we connect
 * - `syn-received`: accepted; the other side has not proved its address yet
 * - `open`: bytes go both ways
 * - `closing`: closed by us; the other side does not know yet
 * - `gone`
 */
type State = "syn-sent" | "syn-received" | "open" | "closing" | "gone"

export interface UtpConnectionOptions {
  readonly remote: Endpoint
  /** Of packets to us. */
  readonly receiveId: number
  /** Of packets to the other side. */
  readonly sendId: number
  /** The number of our first packet. */
  readonly sequence: number
}

/** One uTP connection (BEP 29). */
export class UtpConnection implements ByteStream {
  readonly remote: Endpoint
  readonly receiveId: number
  readonly sendId: number
  readonly #host: UtpHost
  readonly #roundTrip = new RoundTrip()
  readonly #delays = new Delays()
  readonly #congestion = new Congestion(PAYLOAD, MAX_WINDOW)
  readonly #outgoing: Outgoing
  readonly #queue = new WriteQueue()
  #incoming: Incoming | undefined
  #listener: StreamListener | undefined
  #state: State
  /** Bytes the other side takes. */
  #theirWindow = 0
  /** The number of the other side's last packet, once it has closed. */
  #end: number | undefined
  #timeouts = 0
  /** Clock time: something was acknowledged, or the first packet sent, ms. */
  #waitingSince = 0
  #lastSent = 0
  /** Clock time, ms. */
  #closedAt = 0
  /** The window that the other side knows. */
  #saidWindow = RECEIVE_WINDOW
  #paused = false
  #needsDrain = false
  #pumpAsked = false

  private constructor(host: UtpHost, state: State, { remote, receiveId, sendId, sequence }: UtpConnectionOptions) {
    this.#host = host
    this.#state = state
    this.remote = remote
    this.receiveId = receiveId
    this.sendId = sendId
    this.#outgoing = new Outgoing(sequence, (buffer) => host.pool.give(buffer))
  }

  /** Asks the other side for a connection. */
  static connect(host: UtpHost, options: UtpConnectionOptions, listener: StreamListener): UtpConnection {
    const connection = new UtpConnection(host, "syn-sent", options)
    connection.#listener = listener
    connection.#transmitNew(UTP_TYPE.syn, 0, options.receiveId)
    return connection
  }

  /** Answers a SYN. Nothing more is sent before the other side has proved its address. */
  static accept(host: UtpHost, options: UtpConnectionOptions, syn: UtpPacket): UtpConnection {
    const connection = new UtpConnection(host, "syn-received", options)
    connection.#incoming = new Incoming(syn.sequence)
    connection.#theirWindow = syn.window
    connection.#delays.add(syn, host.clock.now())
    connection.#waitingSince = host.clock.now()
    connection.acknowledge()
    return connection
  }

  /** It is not known yet whether the other side is where it says. */
  get unconfirmed(): boolean {
    return this.#state === "syn-received"
  }

  get bufferedBytes(): number {
    return this.#queue.length
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#state === "closing" || this.#state === "gone" || chunk.length === 0) {
      onTaken?.()
      return this.#state === "open" || this.#state === "syn-sent"
    }
    this.#queue.push(chunk, onTaken)
    this.#askPump()
    if (this.#queue.length <= HIGH_WATER) return true
    this.#needsDrain = true
    return false
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
    if (this.#state === "gone" || !this.#outgoing.plausible(packet.ack)) return
    if (this.#state === "syn-sent") {
      // The number of its first packet is not known before this one.
      if (packet.type !== UTP_TYPE.state || packet.ack !== seq(this.#outgoing.next - 1)) return
      this.#incoming = new Incoming(seq(packet.sequence - 1))
    } else if (this.#state === "syn-received" && !this.#confirm(packet)) return
    this.#timeouts = 0
    this.#theirWindow = packet.window
    this.#takeAcknowledgement(packet, now)
    this.#takePayload(packet)
    if (this.#state === "syn-sent") {
      this.#state = "open"
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
    if (!this.#outgoing.plausible(packet.ack) && packet.ack !== this.#outgoing.next) return
    if (this.#state === "syn-sent") this.fail(new ProtocolError("the other side refused the connection"))
    else this.fail(new ProtocolError("the other side reset the connection"))
  }

  /** Says how far all has come. */
  acknowledge(): void {
    if (this.#incoming !== undefined && this.#state !== "gone") this.#sendBare(UTP_TYPE.state)
  }

  /** To be called ten times a second. */
  tick(now: number): void {
    if (this.#state === "syn-received") {
      if (now - this.#waitingSince >= CONFIRM_TIME) this.fail(undefined)
    } else if (this.#state === "closing" && now - this.#closedAt >= CLOSE_TIME) {
      this.fail(undefined)
    } else if (this.#outgoing.waiting) {
      if (now - this.#waitingSince >= this.#roundTrip.timeout) this.#timeOut(now)
    } else if (this.#queue.length > 0 && now - this.#lastSent >= WINDOW_PROBE) {
      this.#transmitData(Math.min(this.#queue.length, PAYLOAD))
    }
    if (this.#state === "open" && now - this.#lastSent >= KEEP_ALIVE) this.acknowledge()
  }

  /** Only who got our answer to its SYN knows our first number: it is where it says. */
  #confirm(packet: UtpPacket): boolean {
    if (packet.ack !== seq(this.#outgoing.next - 1)) return false
    this.#state = "open"
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
    this.#timeouts++
    const most = {
      "syn-sent": MAX_SYN_TIMEOUTS,
      "syn-received": 0,
      open: MAX_TIMEOUTS,
      closing: MAX_FIN_TIMEOUTS,
      gone: 0,
    }
    if (this.#timeouts >= most[this.#state]) {
      this.fail(new ProtocolError("the other side does not answer"))
      return
    }
    this.#waitingSince = now
    this.#roundTrip.backOff()
    this.#congestion.timedOut()
    this.#outgoing.loseAll()
    this.#pump()
  }

  #takeAcknowledgement(packet: UtpPacket, now: number): void {
    const measured = this.#delays.add(packet, now)
    const underWay = this.#outgoing.bytesUnderWay
    const bare = packet.type === UTP_TYPE.state
    const acknowledged = this.#outgoing.acknowledge(packet, bare, now, this.#roundTrip.least)
    if (acknowledged.sample !== undefined) this.#roundTrip.add(acknowledged.sample)
    if (acknowledged.packets > 0) {
      this.#roundTrip.progress()
      this.#waitingSince = now
    }
    if (acknowledged.bytes > 0 && measured) {
      this.#congestion.acknowledged(acknowledged.bytes, underWay, this.#delays.queue(acknowledged.least))
    }
    if (acknowledged.lost) this.#congestion.lost(now)
    if (this.#state === "closing" && !this.#outgoing.waiting) this.#vanish()
  }

  #takePayload(packet: UtpPacket): void {
    const incoming = this.#incoming
    const isEnd = packet.type === UTP_TYPE.fin
    if (this.#state === "closing" || this.#state === "gone" || incoming === undefined) return
    if (!isEnd && (packet.type !== UTP_TYPE.data || packet.payloadLength === 0)) return
    // Also of what came before: the acknowledgement may have been lost.
    this.#host.askAcknowledge(this)
    const { sequence } = packet
    if (this.#end !== undefined && seqDistance(this.#end, sequence) > 0) return
    if (isEnd) this.#end ??= sequence
    incoming.put(sequence, isEnd ? NOTHING : packet.datagram.subarray(packet.payloadAt))
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
    if (this.#end === incoming.ack && incoming.readyCount === 0) {
      this.acknowledge()
      this.fail(undefined)
    } else if (this.#saidWindow < RECEIVE_WINDOW / 2 && incoming.window >= RECEIVE_WINDOW / 2) {
      this.#host.askAcknowledge(this)
    }
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

  /** Sends what both windows allow. */
  #pump(): void {
    if (this.#state === "gone") return
    const outgoing = this.#outgoing
    for (;;) {
      const lost = outgoing.firstLost()
      if (lost === undefined) break
      if (outgoing.bytesUnderWay > 0 && outgoing.bytesUnderWay + lost.length > this.#congestion.window) return
      this.#transmit(lost)
    }
    if (this.#state !== "open") return
    const window = Math.min(this.#congestion.window, this.#theirWindow)
    while (this.#queue.length > 0 && outgoing.hasRoom) {
      const length = Math.min(this.#queue.length, PAYLOAD)
      if (outgoing.bytesUnderWay + length > window) return
      this.#transmitData(length)
    }
    if (this.#queue.length > 0 || !this.#needsDrain) return
    this.#needsDrain = false
    this.#listener?.onDrain()
  }

  #transmitData(length: number): void {
    this.#transmitNew(UTP_TYPE.data, length, this.sendId)
  }

  #transmitNew(type: UtpType, length: number, connectionId: number): void {
    const buffer = this.#host.pool.take()
    writeFixed(buffer, { type, connectionId, sequence: this.#outgoing.next })
    if (length > 0) this.#queue.take(buffer, UTP_HEADER, length)
    if (!this.#outgoing.waiting) this.#waitingSince = this.#host.clock.now()
    this.#transmit(this.#outgoing.add(buffer, UTP_HEADER + length))
  }

  #transmit(packet: SentPacket): void {
    const now = this.#host.clock.now()
    writeCurrent(packet.buffer, this.#current(now))
    this.#outgoing.transmitted(packet, now)
    this.#send(packet.buffer.subarray(0, packet.length), now)
    if (this.#incoming?.hasHoles === false) this.#host.acknowledged(this)
  }

  #sendBare(type: UtpType): void {
    const fixed = { type, connectionId: this.sendId, sequence: this.#outgoing.next }
    const now = this.#host.clock.now()
    this.#send(encodeBare(fixed, this.#current(now), this.#incoming?.selectiveAck() ?? NOTHING), now)
  }

  #current(now: number): CurrentFields {
    const incoming = this.#incoming
    const window = incoming?.window ?? RECEIVE_WINDOW
    this.#saidWindow = window
    return { timestamp: microseconds(now), timestampDifference: this.#delays.reply, window, ack: incoming?.ack ?? 0 }
  }

  #send(datagram: Uint8Array, now: number): void {
    this.#lastSent = now
    this.#host.send(datagram, this.remote)
  }

  /** Nobody listens any more: lets the other side know, behind all that is under way. */
  #leave(): void {
    this.#listener = undefined
    this.#queue.clear()
    this.#incoming?.clear()
    if (this.#state === "open") {
      this.#state = "closing"
      this.#closedAt = this.#host.clock.now()
      this.#transmitNew(UTP_TYPE.fin, 0, this.sendId)
    } else this.#vanish()
  }

  #vanish(): void {
    if (this.#state === "gone") return
    this.#state = "gone"
    this.#listener = undefined
    this.#queue.clear()
    this.#incoming?.clear()
    this.#outgoing.clear()
    this.#host.gone(this)
  }
}
