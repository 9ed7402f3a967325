import { Acknowledged } from "./acknowledged.js"
import { type KnownRoundTrip, LossDetection } from "./loss-detection.js"
import { LossEpisode } from "./loss-episode.js"
import { UTP_HEADER, UTP_TYPE, type UtpPacket } from "./packet.js"
import { type SentPacket, UnderWay } from "./under-way.js"
import { seq, seqDistance } from "./wrapping.js"

/** Packets without an acknowledgement at most: what libtorrent takes ahead of its turn (1 MiB / 1100; libutp: 1024). */
const MAX_PACKETS = 900
/** A power of two above it. */
const RING = 1024
/** Acknowledgements that late ones may lag behind: packets overtake each other on the way. */
const STALE_ACKS = 64
/** Repeated acknowledgements without a selective one that prove a loss (BEP 29: 3). */
const REPEATS = 3

/** Packets from their first transmission to their acknowledgement. Transmissions are numbered. */
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
  readonly #underWay = new UnderWay()
  readonly #detection = new LossDetection()
  readonly #episode = new LossEpisode()
  #nextOrder = 0
  /** A time-out of which it is not known yet whether anything was lost. */
  #timeout: { readonly at: number; isWrong: boolean } | undefined
  /** The episode of the last one. */
  #timeoutEpisode = 0
  /** The furthest packet that arrived. */
  #furthest: number
  #lossDue = Number.POSITIVE_INFINITY
  /** Bytes of the longest selective acknowledgement so far. */
  #longestSack = 0
  /** The last packet of which the other side tells whether it is there; undefined: of all. */
  #toldUpTo: number | undefined
  /** Repeated acknowledgements of the same packet, without a selective one. */
  #repeats = 0

  /** `first`: the number of the first packet. `release` gets buffers back. */
  constructor(first: number, release: (buffer: Uint8Array) => void) {
    this.#next = this.#lostFrom = first
    this.#acked = this.#furthest = seq(first - 1)
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

  /** Clock time when {@link findLost} may find more, ms; infinite: that depends on what arrives. */
  get lossDue(): number {
    return this.#lossDue
  }

  /** A new packet, with the next number; it is to be transmitted at once. */
  add(buffer: Uint8Array, length: number): SentPacket {
    const packet: SentPacket = {
      sequence: this.#next,
      buffer,
      length,
      transmissions: 0,
      sentAt: 0,
      order: 0,
      lost: false,
      episode: 0,
      earlier: undefined,
      later: undefined,
    }
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
    this.#underWay.append(packet)
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
  acknowledge(from: UtpPacket, now: number, shortest: number): Acknowledged {
    const acknowledged = new Acknowledged(from, now, shortest)
    const furthest = this.#furthest
    const advance = seqDistance(this.#acked, from.ack)
    for (let i = 0; i < advance; i++) this.#arrive(seq(this.#acked + 1 + i), furthest, acknowledged)
    if (advance > 0) this.#repeats = 0
    else if (advance === 0 && from.type === UTP_TYPE.state && from.sackLength === 0 && this.waiting) this.#repeats++
    this.#skipArrived(Math.max(advance, 0))
    for (let bit = from.sackLength * 8 - 1; bit >= 0; bit--) {
      if (from.sacked(bit)) this.#arrive(seq(from.ack + 2 + bit), furthest, acknowledged)
    }
    this.#skipArrived(0)
    if (advance >= 0) this.#noteReach(from)
    if (acknowledged.packets > 0) this.#judgeTimeout(acknowledged)
    return acknowledged
  }

  /** Looks for packets that are lost by now. True: some are that were sent after this was last said; those before were under way together. */
  findLost(now: number, roundTrip: KnownRoundTrip): boolean {
    let said = false
    let later: SentPacket | undefined
    this.#lossDue = Number.POSITIVE_INFINITY
    for (let packet = this.#underWay.first; packet !== undefined; packet = later) {
      later = packet.later
      if (!this.#isTold(packet)) continue
      const at = this.#detection.lostAt(packet, roundTrip)
      if (at > now) {
        this.#lossDue = at
        break
      }
      said = this.#lose(packet) || said
    }
    if (this.#repeats === REPEATS) said = this.#lose(this.#ring[seq(this.#acked + 1) % RING]) || said
    if (said) this.#detection.begins()
    return said
  }

  /** Nothing was heard for long: all that is under way is lost, it seems. */
  loseAll(now: number): void {
    // Of several in a row the first one tells: an answer to what was sent before it proves all of them wrong.
    if (this.#timeout === undefined) this.#episode.begin(this.#nextOrder)
    else this.#episode.extend(this.#nextOrder)
    this.#timeout ??= { at: now, isWrong: false }
    this.#timeoutEpisode = this.#episode.number
    for (let packet = this.#underWay.first; packet !== undefined; packet = this.#underWay.first) this.#lose(packet)
    this.#lossDue = Number.POSITIVE_INFINITY
  }

  /** Forgets all packets. */
  clear(): void {
    for (let s = seq(this.#acked + 1); s !== this.#next; s = seq(s + 1)) {
      const packet = this.#ring[s % RING]
      if (packet !== undefined) this.#release(packet.buffer)
    }
    this.#ring.fill(undefined)
    this.#underWay.clear()
    this.#acked = seq(this.#next - 1)
    this.#bytes = this.#lostCount = 0
    this.#lossDue = Number.POSITIVE_INFINITY
  }

  /** `furthest`: the packet that had come furthest before this acknowledgement. */
  #arrive(sequence: number, furthest: number, acknowledged: Acknowledged): void {
    if (!this.#isWaiting(sequence)) return
    const packet = this.#ring[sequence % RING]
    if (packet === undefined) return
    this.#ring[sequence % RING] = undefined
    const payload = packet.length - UTP_HEADER
    const took = acknowledged.add(packet, payload)
    const isOfEarlier = acknowledged.isOfEarlier(packet, took)
    if (packet.lost || isOfEarlier) this.#wasLate(packet, acknowledged)
    if (packet.lost) this.#lostCount--
    else {
      this.#bytes -= payload
      this.#underWay.remove(packet)
    }
    if (packet.transmissions === 1 && seqDistance(sequence, furthest) > 0) this.#detection.overtaken()
    if (seqDistance(this.#furthest, sequence) > 0) this.#furthest = sequence
    // An earlier transmission proves nothing about those since.
    if (!isOfEarlier) {
      if (packet.order > this.#detection.latest) acknowledged.measure(packet, took)
      this.#detection.arrived(packet.order, took)
    }
    this.#release(packet.buffer)
  }

  #wasLate(packet: SentPacket, acknowledged: Acknowledged): void {
    if (this.#episode.wasLate(packet)) acknowledged.mistaken = true
    if (packet.episode !== this.#timeoutEpisode) this.#detection.mistaken(packet.episode)
    else if (packet.lost && this.#timeout !== undefined) this.#timeout.isWrong = true
  }

  /**
   * What is heard first after a time-out tells whether anything was lost: nothing, if it speaks of packets that were not sent
   * again yet (F-RTO, RFC 5682, as Linux has it), or answers one that was sent before (Eifel, RFC 3522). Then all that was not
   * sent again is under way still; if some of that is lost, it will show as always.
   */
  #judgeTimeout(acknowledged: Acknowledged): void {
    const timeout = this.#timeout
    if (timeout === undefined) return
    this.#timeout = undefined
    if (!timeout.isWrong && !acknowledged.answersBefore(timeout.at)) return
    acknowledged.mistaken = true
    const late: SentPacket[] = []
    for (let s = seq(this.#acked + 1); s !== this.#next; s = seq(s + 1)) {
      const packet = this.#ring[s % RING]
      if (packet?.lost === true && packet.episode === this.#timeoutEpisode) late.push(packet)
    }
    for (const packet of late.sort((a, b) => b.order - a.order)) {
      packet.lost = false
      this.#lostCount--
      this.#bytes += packet.length - UTP_HEADER
      this.#underWay.prepend(packet)
    }
  }

  /** One as long as the longest may be as long as the other side makes them (libutp: 4 bytes), and speak of no packets beyond. */
  #noteReach({ ack, sackLength }: UtpPacket): void {
    this.#longestSack = Math.max(this.#longestSack, sackLength)
    const isCut = sackLength > 0 && sackLength === this.#longestSack
    this.#toldUpTo = isCut ? seq(ack + 1 + 8 * sackLength) : undefined
  }

  #isTold({ sequence }: SentPacket): boolean {
    return this.#toldUpTo === undefined || seqDistance(this.#toldUpTo, sequence) <= 0
  }

  #isWaiting(sequence: number): boolean {
    const distance = seqDistance(this.#acked, sequence)
    return distance > 0 && distance < seqDistance(this.#acked, this.#next)
  }

  #skipArrived(advance: number): void {
    this.#acked = seq(this.#acked + advance)
    while (this.waiting && this.#ring[seq(this.#acked + 1) % RING] === undefined) this.#acked = seq(this.#acked + 1)
    if (seqDistance(this.#acked, this.#lostFrom) < 1) this.#lostFrom = seq(this.#acked + 1)
    if (seqDistance(this.#acked, this.#furthest) < 0) this.#furthest = this.#acked
  }

  #lose(packet: SentPacket | undefined): boolean {
    if (packet === undefined || packet.lost) return false
    packet.lost = true
    this.#lostCount++
    this.#bytes -= packet.length - UTP_HEADER
    this.#underWay.remove(packet)
    if (seqDistance(packet.sequence, this.#lostFrom) > 0) this.#lostFrom = packet.sequence
    return this.#episode.add(packet, this.#nextOrder)
  }
}
