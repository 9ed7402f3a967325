import { AtError } from "../errors.js"

const MiB = 2 ** 20

/** Small slots share shared buffers of about this many bytes, so that a small dataset takes little memory. */
const SLAB_LENGTH = 4 * MiB

/** A piece's place in memory while it is being filled, hashed and written. */
export interface Slot {
  readonly index: number
  /** View of a `SharedArrayBuffer`, as long as a piece. */
  readonly bytes: Uint8Array
}

/**
 * Bytes of memory for the open pieces of one dataset: eight pieces, 32 MiB to 256 MiB. Twice what the deepest request
 * window asks for (16 MB), and more does not make a download on a fast network faster.
 */
export function slotBudget(pieceLength: number): number {
  return Math.min(Math.max(8 * pieceLength, 32 * MiB), 256 * MiB)
}

/**
 * The memory granted to a dataset's open pieces: no slot, no request, which is the back-pressure.
 *
 * Memory is taken when first needed and kept.
 */
export class Slots {
  /** How many slots there are: at least two. */
  readonly capacity: number
  readonly #pieceLength: number
  readonly #perSlab: number
  readonly #slots: Slot[] = []
  /** Free ones; the last released is the next given, since it is still in the processor's cache. */
  readonly #free: Slot[] = []
  readonly #held: Uint8Array
  #inUse = 0
  #peak = 0

  /** Both in bytes. */
  constructor(options: { pieceLength: number; budget: number }) {
    this.#pieceLength = options.pieceLength
    this.capacity = Math.max(2, Math.floor(options.budget / options.pieceLength))
    this.#perSlab = Math.max(1, Math.floor(SLAB_LENGTH / options.pieceLength))
    this.#held = new Uint8Array(this.capacity)
  }

  get inUse(): number {
    return this.#inUse
  }

  /** Most that were in use at a time. */
  get peak(): number {
    return this.#peak
  }

  /** Undefined when all are taken. Its bytes are whatever the last holder left. */
  acquire(): Slot | undefined {
    if (this.#free.length === 0) this.#grow()
    const slot = this.#free.pop()
    if (slot === undefined) return undefined
    this.#held[slot.index] = 1
    this.#inUse++
    if (this.#inUse > this.#peak) this.#peak = this.#inUse
    return slot
  }

  /** @throws AtError `AT_BUG` when it is not held: two holders of one slot would mix their pieces */
  release(slot: Slot): void {
    if (this.#slots[slot.index] !== slot || this.#held[slot.index] !== 1) {
      throw new AtError("AT_BUG", `slot ${slot.index} was released twice`, { hint: "please report this" })
    }
    this.#held[slot.index] = 0
    this.#inUse--
    this.#free.push(slot)
  }

  #grow(): void {
    const count = Math.min(this.#perSlab, this.capacity - this.#slots.length)
    if (count <= 0) return
    const slab = new SharedArrayBuffer(count * this.#pieceLength)
    for (let i = 0; i < count; i++) {
      const bytes = new Uint8Array(slab, i * this.#pieceLength, this.#pieceLength)
      this.#slots.push({ index: this.#slots.length, bytes })
    }
    // Lowest number on top.
    this.#free.push(...this.#slots.slice(-count).reverse())
  }
}
