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
  /** Number of the time when it was last said to be lost, together with others; 0: never. */
  episode: number
  /** In {@link UnderWay}. */
  earlier: SentPacket | undefined
  later: SentPacket | undefined
}

/** Packets under way in the order of their last transmission. A list, linked by the packets themselves: who looks for lost ones begins at the oldest. */
export class UnderWay {
  #first: SentPacket | undefined
  #last: SentPacket | undefined

  /** Sent before all others. */
  get first(): SentPacket | undefined {
    return this.#first
  }

  /** Was sent just now. */
  append(packet: SentPacket): void {
    packet.earlier = this.#last
    packet.later = undefined
    if (this.#last === undefined) this.#first = packet
    else this.#last.later = packet
    this.#last = packet
  }

  /** Was sent before all others. */
  prepend(packet: SentPacket): void {
    packet.earlier = undefined
    packet.later = this.#first
    if (this.#first === undefined) this.#last = packet
    else this.#first.earlier = packet
    this.#first = packet
  }

  remove(packet: SentPacket): void {
    if (packet.earlier === undefined) this.#first = packet.later
    else packet.earlier.later = packet.later
    if (packet.later === undefined) this.#last = packet.earlier
    else packet.later.earlier = packet.earlier
    packet.earlier = packet.later = undefined
  }

  clear(): void {
    this.#first = this.#last = undefined
  }
}
