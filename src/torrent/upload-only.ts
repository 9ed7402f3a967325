import type { PieceTable } from "../picker/piece-table.js"
import type { Clock } from "../ports/clock.js"
import type { Slot } from "../storage/slots.js"

/** Who wants nothing for so long is not a reader between two reads, ms. The other side leaves when it hears of it. */
const PAUSE = 10_000

/** Whether we want nothing of anybody, all being there or all that was selected (BEP 21: a seed, or a partial seed). */
export class UploadOnly {
  readonly #table: PieceTable<Slot>
  readonly #clock: Clock
  readonly #mayWant: () => boolean
  readonly #disguised: () => boolean
  #wantedAt = Number.NEGATIVE_INFINITY
  #value: boolean

  /**
   * `mayWant`: nothing was selected yet, but may be, or a reader may come. `disguised`: we pass for one who wants
   * everything (BEP 16).
   */
  constructor(options: { table: PieceTable<Slot>; clock: Clock; mayWant: () => boolean; disguised: () => boolean }) {
    this.#table = options.table
    this.#clock = options.clock
    this.#mayWant = options.mayWant
    this.#disguised = options.disguised
    this.#value = this.#current()
  }

  get value(): boolean {
    return this.#value
  }

  get partialSeed(): boolean {
    return this.#value && !this.#table.have.complete
  }

  /** To be called every 250 ms, and when other pieces are there or wanted. @returns whether it is not as it was */
  update(): boolean {
    const before = this.#value
    this.#value = this.#current()
    return this.#value !== before
  }

  #current(): boolean {
    if (this.#disguised()) return false
    const now = this.#clock.now()
    const { remaining, have } = this.#table
    if (remaining > 0) {
      this.#wantedAt = now
      return false
    }
    return have.complete || (!this.#mayWant() && now - this.#wantedAt >= PAUSE)
  }
}
