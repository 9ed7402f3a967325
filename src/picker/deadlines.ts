import { MinHeap } from "../bytes/min-heap.js"
import type { PieceBuffer } from "./open-piece.js"
import type { PieceTable } from "./piece-table.js"

/** Pieces looked at in vain before a search ends: a reader may wait for tens of thousands. */
const MOST_LOOKS = 64

/** What became of a piece at a look: it goes on waiting, and the search ends or goes on. */
export type Look = "next" | "stop"

/** The pieces that readers wait for, the earliest deadline first. */
export class Deadlines<B extends PieceBuffer = PieceBuffer> {
  readonly #table: PieceTable<B>
  readonly #heap = new MinHeap<number>()
  /** Open pieces all of whose blocks were asked for, and their times: not looked at until something is to be asked again. */
  readonly #served = new Map<number, number>()
  #changes = 0

  constructor(table: PieceTable<B>) {
    this.#table = table
  }

  /** `time`: clock ms. */
  set(piece: number, time: number): void {
    this.#heap.push(time, piece)
  }

  /** Shows the pieces that are to be fetched in their order, until a look says `stop`, or many were of no use. */
  search(look: (piece: number) => Look): void {
    this.#recall()
    const kept: [number, number][] = []
    for (let looks = 0; looks < MOST_LOOKS; ) {
      const time = this.#heap.minKey
      const piece = this.#heap.pop()
      if (time === undefined || piece === undefined) break
      if (!this.#table.isNeeded(piece)) continue
      const outcome = look(piece)
      if (this.#table.open.get(piece)?.unasked === 0) {
        this.#served.set(piece, Math.min(time, this.#served.get(piece) ?? time))
      } else {
        kept.push([time, piece])
        looks++
      }
      if (outcome === "stop") break
    }
    for (const [time, piece] of kept) this.#heap.push(time, piece)
  }

  /** The earliest that `accepts`. */
  first(accepts: (piece: number) => boolean): number | undefined {
    let found: number | undefined
    this.search((piece) => {
      if (!accepts(piece)) return "next"
      found = piece
      return "stop"
    })
    return found
  }

  #recall(): void {
    const changes = this.#table.missingEpoch + this.#table.requestableEpoch
    if (changes === this.#changes) return
    this.#changes = changes
    for (const [piece, time] of this.#served) if (this.#table.isNeeded(piece)) this.#heap.push(time, piece)
    this.#served.clear()
  }
}
