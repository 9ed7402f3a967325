import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../ports/net.js"
import type { Random } from "../ports/random.js"
import { UtpConnection } from "./connection.js"
import type { UtpHost } from "./host.js"
import { encodeBare, UTP_TYPE, UtpPacket } from "./packet.js"
import { PacketPool } from "./packet-pool.js"
import { SharedMemory } from "./shared-memory.js"
import { microseconds, seq } from "./wrapping.js"

/** Connections in all. */
const MAX_CONNECTIONS = 512
/** Bytes taken in and kept, of all connections together; and what each may keep in any case. */
const SHARED_RECEIVE = 32 * 1024 * 1024
const LEAST_RECEIVE = 64 * 1024
/** Accepted ones whose other side has not proved its address: with more, the oldest gives way. */
const MAX_UNCONFIRMED = 64
/** Resets a second at most: they answer packets that anybody can send under any name. */
const MAX_RESETS = 50
/** ms */
const TICK = 100
const SECOND = 1000
const NO_SACK = new Uint8Array(0)

export interface UtpSocketOptions {
  readonly clock: Clock
  readonly random: Random
  /** Sends a datagram, of which nothing is needed any more afterwards but by chance: it may as well get lost. */
  readonly send: (datagram: Uint8Array, to: Endpoint) => void
  /** What all connections together keep of what came, and have under way. Defaults: 32 MiB, and 64 KiB for each. */
  readonly receiveMemory?: SharedMemory
  readonly sendMemory?: SharedMemory
}

/** Who listens to an accepted stream; undefined: nobody wants it. */
export type UtpAccept = (stream: ByteStream) => StreamListener | undefined

/** All uTP connections over one UDP port. */
export class UtpSocket implements UtpHost<UtpConnection> {
  readonly clock: Clock
  readonly pool: PacketPool
  readonly receiveMemory: SharedMemory
  readonly #options: UtpSocketOptions
  readonly #packet = new UtpPacket()
  /** By the id of packets to us: two hosts may have chosen the same. */
  readonly #byId = new Map<number, UtpConnection[]>()
  /** Oldest first. */
  readonly #unconfirmed = new Set<UtpConnection>()
  readonly #toAcknowledge = new Set<UtpConnection>()
  #accept: UtpAccept | undefined
  #count = 0
  #ackTimer: Timer | undefined
  #tickTimer: Timer | undefined
  /** Clock time when the next tick is due, ms. */
  #tickDue = 0
  #skippedTick = false
  #resets = 0
  #resetsSince = 0
  #closed = false

  constructor(options: UtpSocketOptions) {
    this.#options = options
    this.clock = options.clock
    this.pool = new PacketPool(options.sendMemory)
    this.receiveMemory = options.receiveMemory ?? new SharedMemory(SHARED_RECEIVE, LEAST_RECEIVE)
  }

  get connectionCount(): number {
    return this.#count
  }

  /** Connections are accepted from now on; undefined: none any more. */
  listen(accept: UtpAccept | undefined): void {
    this.#accept = accept
  }

  /** Starts to connect; the outcome arrives at `listener`. Undefined: there are too many connections. */
  connect(remote: Endpoint, listener: StreamListener): ByteStream | undefined {
    if (this.#closed || this.#count >= MAX_CONNECTIONS) return undefined
    const { random } = this.#options
    let receiveId = random.below(0x1_0000)
    while (this.#find(receiveId, remote) !== undefined) receiveId = seq(receiveId + 1)
    const sendId = seq(receiveId + 1)
    const sequence = random.below(0x1_0000)
    const connection = UtpConnection.connect(this, { remote, receiveId, sendId, sequence }, listener)
    this.#add(connection)
    return connection
  }

  /** Takes a datagram in; it is kept. What makes no sense is dropped. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    const packet = this.#packet
    if (this.#closed || !packet.read(datagram)) return
    if (packet.type === UTP_TYPE.syn) this.#receiveSyn(packet, from)
    else if (packet.type === UTP_TYPE.reset) this.#receiveReset(packet, from)
    else {
      const connection = this.#find(packet.connectionId, from)
      if (connection === undefined) this.#sendReset(packet, from)
      else connection.receive(packet)
    }
  }

  /** Ends all connections; the other sides are told once. */
  close(): void {
    for (const connections of [...this.#byId.values()]) for (const each of [...connections]) each.destroy()
    this.#closed = true
    for (const timer of [this.#ackTimer, this.#tickTimer]) timer?.cancel()
    for (const connections of [...this.#byId.values()]) for (const each of [...connections]) each.fail(undefined)
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    if (!this.#closed) this.#options.send(datagram, to)
  }

  askAcknowledge(connection: UtpConnection): void {
    this.#toAcknowledge.add(connection)
    // Node's clock calls back when all datagrams that have come together are through.
    this.#ackTimer ??= this.clock.after(0, () => {
      this.#ackTimer = undefined
      const due = [...this.#toAcknowledge]
      this.#toAcknowledge.clear()
      for (const each of due) each.acknowledge()
    })
  }

  acknowledged(connection: UtpConnection): void {
    this.#toAcknowledge.delete(connection)
  }

  confirmed(connection: UtpConnection): StreamListener | undefined {
    this.#unconfirmed.delete(connection)
    return this.#accept?.(connection)
  }

  gone(connection: UtpConnection): void {
    this.#unconfirmed.delete(connection)
    this.#toAcknowledge.delete(connection)
    const { receiveId } = connection
    const rest = (this.#byId.get(receiveId) ?? []).filter((each) => each !== connection)
    if (rest.length === 0) this.#byId.delete(receiveId)
    else this.#byId.set(receiveId, rest)
    this.#count--
    if (this.#count > 0) return
    this.#tickTimer?.cancel()
    this.#tickTimer = undefined
  }

  #receiveSyn(packet: UtpPacket, from: Endpoint): void {
    const receiveId = seq(packet.connectionId + 1)
    const known = this.#find(receiveId, from)
    if (known !== undefined) {
      // It was not answered, or the answer was lost.
      if (known.unconfirmed) known.acknowledge()
      return
    }
    if (this.#accept === undefined || this.#count >= MAX_CONNECTIONS) return
    if (this.#unconfirmed.size >= MAX_UNCONFIRMED)
      for (const oldest of this.#unconfirmed) {
        oldest.fail(undefined)
        break
      }
    const sequence = this.#options.random.below(0x1_0000)
    const options = { remote: from, receiveId, sendId: packet.connectionId, sequence }
    const connection = UtpConnection.accept(this, options, packet)
    this.#unconfirmed.add(connection)
    this.#add(connection)
  }

  /** It bears the id of the packet it answers, or, from some, of those to us. */
  #receiveReset(packet: UtpPacket, from: Endpoint): void {
    const { connectionId } = packet
    for (const receiveId of [connectionId, seq(connectionId + 1), seq(connectionId - 1)]) {
      const connection = this.#find(receiveId, from)
      if (connection === undefined || (receiveId !== connectionId && connection.sendId !== connectionId)) continue
      connection.receiveReset(packet)
      return
    }
  }

  #sendReset(packet: UtpPacket, to: Endpoint): void {
    const now = this.clock.now()
    if (now - this.#resetsSince >= SECOND) {
      this.#resetsSince = now
      this.#resets = 0
    }
    if (++this.#resets > MAX_RESETS) return
    const sequence = this.#options.random.below(0x1_0000)
    const fixed = { type: UTP_TYPE.reset, connectionId: packet.connectionId, sequence }
    const current = { timestamp: microseconds(now), timestampDifference: 0, window: 0, ack: packet.sequence }
    this.send(encodeBare(fixed, current, NO_SACK), to)
  }

  #find(receiveId: number, from: Endpoint): UtpConnection | undefined {
    const connections = this.#byId.get(receiveId)
    if (connections === undefined) return undefined
    for (const each of connections) if (each.remote.port === from.port && each.remote.host === from.host) return each
    return undefined
  }

  #add(connection: UtpConnection): void {
    const others = this.#byId.get(connection.receiveId)
    if (others === undefined) this.#byId.set(connection.receiveId, [connection])
    else others.push(connection)
    this.#count++
    this.#armTick()
  }

  #armTick(): void {
    if (this.#tickTimer !== undefined) return
    this.#tickDue = this.clock.now() + TICK
    this.#tickTimer = this.clock.after(TICK, () => this.#tick())
  }

  #tick(): void {
    const now = this.clock.now()
    this.#tickTimer = undefined
    // Timers fire before what came meanwhile is read: who was away hears it first, then judges who did not answer.
    this.#skippedTick = !this.#skippedTick && now - this.#tickDue >= TICK
    if (!this.#skippedTick)
      for (const connections of [...this.#byId.values()]) for (const each of [...connections]) each.tick(now)
    if (this.#count > 0) this.#armTick()
  }
}
