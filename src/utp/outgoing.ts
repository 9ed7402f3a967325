import { UTP_HEADER, type UtpPacket } from "./packet.js"
import { seq, seqDistance } from "./wrapping.js"

/** Packets without an acknowledgement at most: what libtorrent takes ahead of its turn (1 MiB / 1100; libutp: 1024). */
const MAX_PACKETS = 900
/** A power of two above it. */
const RING = 1024
/** So many packets sent later that arrived prove that one is lost (BEP 29: 3). */
const LATER_ARRIVALS = 3
/** Acknowledgements that late ones may lag behind: packets overtake each other on the way. */
const STALE_ACKS = 64

/** A packet without an acknowledgement. */
export interface SentPacket {
  readonly sequence: number
  /** Its first `length` bytes are the packet. */
  readonly buffer: Uint8Array
  readonly length: number
  transmissions: number
  /** ms, of the last transmission. */
  sentAt: number
  /** Number of the last transmission. */
  order: number
  /** Not under way any more; to be sent again. */
  lost: boolean
}

/** What an acknowledgement brought. */
export interface Acknowledged {
  readonly packets: number
  /** Payload. */
  readonly bytes: number
  /** ms from the last transmission of one of these packets to now, the shortest. */
  readonly least: number
  /**
   * ms that the last transmission took which is known to have arrived; undefined when that was known before, or when the
   * packet was sent several times. Of what was sent before it nobody knows when it arrived: the other side says so late when
   * much is missing, for a selective acknowledgement reaches only so far.
   */
  readonly sample: number | undefined
  /** The same of a packet that was sent several times: a round trip takes that long, or longer if an earlier transmission arrived. */
  readonly atLeast: number | undefined
  /** Packets are known to be lost since that were sent after this was last said: those before were under way together. */
  readonly lost: boolean
}

/**
 * Packets from their first transmission to their acknowledgement.
 *
 * One is lost when three packets that were sent after it, for the first time or again, have arrived: so also a repeated
 * packet that is lost again is found at once. Transmissions are numbered, and looked at in that order, each once.
 */
export class Outgoing {
  readonly #ring = new Array<SentPacket | undefined>(RING).fill(undefined)
  readonly #release: (buffer: Uint8Array) => void
  /** All up to this number is acknowledged. */
  #acked: number
  #next: number
  /** Payload bytes under way. */
  #bytes = 0
  #lostCount = 0
  /** No packet before this number is lost. */
  #lostFrom: number
  /** Sequence numbers by the number of their transmission, from `#oldestOrder` to before `#nextOrder`. */
  readonly #transmitted = new Uint16Array(RING)
  #oldestOrder = 0
  #nextOrder = 0
  /** The highest numbers of transmissions that arrived, highest first. */
  readonly #arrived = new Array<number>(LATER_ARRIVALS).fill(-1)
  /** The number of the last transmission that arrived, of a packet that may have been sent before as well. */
  #lastArrived = -1
  /** The number of the next transmission when packets were last said to be lost. */
  #saidLostAt = 0
  /** Repeated acknowledgements of the same packet, without a selective one. */
  #repeats = 0

  /** `first`: the number of the first packet. `release` gets buffers back. */
  constructor(first: number, release: (buffer: Uint8Array) => void) {
    this.#next = this.#lostFrom = first
    this.#acked = seq(first - 1)
    this.#release = release
  }

  get next(): number {
    return this.#next
  }

  get bytesUnderWay(): number {
    return this.#bytes
  }

  /** Some packet waits for its acknowledgement. */
  get waiting(): boolean {
    return this.#next !== seq(this.#acked + 1)
  }

  /** Packets from the first that waits to the last. */
  get span(): number {
    return seqDistance(this.#acked, this.#next) - 1
  }

  get hasRoom(): boolean {
    return this.span < MAX_PACKETS
  }

  /** Whether the other side can mean this: no packet is acknowledged that was not sent, nor one of long ago. */
  plausible(ack: number): boolean {
    const distance = seqDistance(this.#acked, ack)
    return distance >= -STALE_ACKS && distance < seqDistance(this.#acked, this.#next)
  }

  /** A new packet, with the next number; it is to be transmitted at once. */
  add(buffer: Uint8Array, length: number): SentPacket {
    const packet = { sequence: this.#next, buffer, length, transmissions: 0, sentAt: 0, order: 0, lost: false }
    this.#ring[this.#next % RING] = packet
    this.#next = seq(this.#next + 1)
    return packet
  }

  transmitted(packet: SentPacket, now: number): void {
    if (packet.lost) {
      packet.lost = false
      this.#lostCount--
    }
    packet.transmissions++
    packet.sentAt = now
    packet.order = this.#nextOrder++
    this.#transmitted[packet.order % RING] = packet.sequence
    this.#bytes += packet.length - UTP_HEADER
  }

  /** The first packet that is to be sent again. */
  firstLost(): SentPacket | undefined {
    if (this.#lostCount === 0) return undefined
    for (; this.#lostFrom !== this.#next; this.#lostFrom = seq(this.#lostFrom + 1)) {
      const packet = this.#ring[this.#lostFrom % RING]
      if (packet?.lost === true) return packet
    }
    return undefined
  }

  /** All that was sent later waits for this packet. */
  isFirst({ sequence }: SentPacket): boolean {
    return sequence === seq(this.#acked + 1)
  }

  /** Takes what a packet with a plausible `ack` says. `shortest`: a round trip took so long at least, ms. */
  acknowledge(from: UtpPacket, bare: boolean, now: number, shortest: number): Acknowledged {
    const least = Number.POSITIVE_INFINITY
    const order = this.#lastArrived
    const arrived: Arrived = {
      packets: 0,
      bytes: 0,
      least,
      sample: undefined,
      atLeast: undefined,
      order,
      now,
      shortest,
    }
    const advance = seqDistance(this.#acked, from.ack)
    for (let i = 0; i < advance; i++) this.#arrive(seq(this.#acked + 1 + i), arrived)
    if (advance > 0) this.#repeats = 0
    else if (advance === 0 && bare && from.sackLength === 0 && this.waiting) this.#repeats++
    this.#skipArrived(Math.max(advance, 0))
    for (let bit = from.sackLength * 8 - 1; bit >= 0; bit--) {
      if (from.sacked(bit)) this.#arrive(seq(from.ack + 2 + bit), arrived)
    }
    this.#skipArrived(0)
    this.#lastArrived = arrived.order
    const { packets, bytes, sample, atLeast } = arrived
    return { packets, bytes, least: arrived.least, sample, atLeast, lost: this.#findLost() }
  }

  /** Nothing was heard for long: all that is under way is lost. */
  loseAll(): void {
    for (let s = seq(this.#acked + 1); s !== this.#next; s = seq(s + 1)) this.#lose(this.#ring[s % RING])
    this.#oldestOrder = this.#saidLostAt = this.#nextOrder
  }

  /** Forgets all packets. */
  clear(): void {
    for (let s = seq(this.#acked + 1); s !== this.#next; s = seq(s + 1)) {
      const packet = this.#ring[s % RING]
      if (packet !== undefined) this.#release(packet.buffer)
    }
    this.#ring.fill(undefined)
    this.#acked = seq(this.#next - 1)
    this.#bytes = this.#lostCount = 0
    this.#oldestOrder = this.#nextOrder
  }

  #arrive(sequence: number, arrived: Arrived): void {
    if (!this.#isWaiting(sequence)) return
    const packet = this.#ring[sequence % RING]
    if (packet === undefined) return
    this.#ring[sequence % RING] = undefined
    const payload = packet.length - UTP_HEADER
    if (packet.lost) this.#lostCount--
    else this.#bytes -= payload
    const took = arrived.now - packet.sentAt
    arrived.packets++
    arrived.bytes += payload
    arrived.least = Math.min(arrived.least, took)
    if (packet.order > arrived.order) {
      arrived.order = packet.order
      arrived.sample = packet.transmissions === 1 ? took : undefined
      arrived.atLeast = packet.transmissions > 1 && took >= arrived.shortest ? took : undefined
    }
    // Sooner than possible it answers an earlier transmission, which proves nothing about those since.
    if (packet.transmissions === 1 || took >= arrived.shortest) this.#noteArrival(packet.order)
    this.#release(packet.buffer)
  }

  #isWaiting(sequence: number): boolean {
    const distance = seqDistance(this.#acked, sequence)
    return distance > 0 && distance < seqDistance(this.#acked, this.#next)
  }

  #noteArrival(order: number): void {
    const highest = this.#arrived
    let at = highest.length
    while (at > 0 && order > (highest[at - 1] as number)) at--
    if (at === highest.length) return
    highest.copyWithin(at + 1, at)
    highest[at] = order
  }

  #skipArrived(advance: number): void {
    this.#acked = seq(this.#acked + advance)
    while (this.waiting && this.#ring[seq(this.#acked + 1) % RING] === undefined) this.#acked = seq(this.#acked + 1)
    if (seqDistance(this.#acked, this.#lostFrom) < 1) this.#lostFrom = seq(this.#acked + 1)
  }

  #findLost(): boolean {
    const proof = this.#arrived[LATER_ARRIVALS - 1] as number
    let latest = -1
    for (; this.#oldestOrder < proof; this.#oldestOrder++) {
      const packet = this.#ring[(this.#transmitted[this.#oldestOrder % RING] as number) % RING]
      if (packet?.order === this.#oldestOrder && this.#lose(packet)) latest = packet.order
    }
    if (this.#repeats === LATER_ARRIVALS) {
      const packet = this.#ring[seq(this.#acked + 1) % RING]
      if (this.#lose(packet)) latest = Math.max(latest, packet!.order)
    }
    if (latest < this.#saidLostAt) return false
    this.#saidLostAt = this.#nextOrder
    return true
  }

  #lose(packet: SentPacket | undefined): boolean {
    if (packet === undefined || packet.lost) return false
    packet.lost = true
    this.#lostCount++
    this.#bytes -= packet.length - UTP_HEADER
    if (seqDistance(packet.sequence, this.#lostFrom) > 0) this.#lostFrom = packet.sequence
    return true
  }
}

interface Arrived {
  packets: number
  bytes: number
  least: number
  sample: number | undefined
  atLeast: number | undefined
  /** Of the last transmission that arrived, which `sample` or `atLeast` is of. */
  order: number
  readonly now: number
  readonly shortest: number
}
