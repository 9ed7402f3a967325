import type { SentPacket } from "./under-way.js"

/** Packets that were said to be lost together, and whether that was right. Those that were under way at the same time are one episode. */
export class LossEpisode {
  #number = 0
  /** Packets of which it is not known that they had arrived, or were under way still. */
  #inDoubt = 0
  /** Number of the first transmission that can belong to the next episode. */
  #end = 0

  /** Counts from 1. */
  get number(): number {
    return this.#number
  }

  /** Another one: whatever is lost of what was sent before the transmission `next` belongs to it. */
  begin(next: number): void {
    this.#number++
    this.#inDoubt = 0
    this.extend(next)
  }

  /** What is lost of what was sent before the transmission `next` still belongs to this one. */
  extend(next: number): void {
    this.#end = next
  }

  /** A packet is said to be lost, before the transmission `next`. True: with it another episode begins. */
  add(packet: SentPacket, next: number): boolean {
    const isAnother = packet.order >= this.#end
    if (isAnother) this.begin(next)
    packet.episode = this.#number
    this.#inDoubt++
    return isAnother
  }

  /** A packet that was said to be lost was only late. True: all of this episode were. */
  wasLate(packet: SentPacket): boolean {
    return packet.episode === this.#number && --this.#inDoubt === 0
  }
}
