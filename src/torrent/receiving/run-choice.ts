import { BLOCK_LENGTH } from "../../metainfo/layout.js"
import type { OpenPiece } from "../../picker/open-piece.js"
import type { Picker } from "../../picker/picker.js"
import type { PieceTable } from "../../picker/piece-table.js"
import { Run } from "../../picker/run.js"
import type { Clock } from "../../ports/clock.js"
import type { Slot } from "../../storage/slots.js"
import type { WebSeed } from "../../webseed/web-seed.js"
import type { Totals } from "../totals.js"

/** An open piece this old may be completed by a web seed although others are at it, ms. */
const SLOW_PIECE = 10_000
/** So may one whose peers need so much longer than the web seed that it is worth fetching some blocks twice, ms. */
const WORTHWHILE = 1_500
/** When nothing arrived for so long, a run may start where most of a file is sent for nothing, ms. */
const STUCK = 10_000

/** A web seed that looks for a run. */
export interface Chooser {
  readonly seed: WebSeed
  /** Where its last run ended: it goes on there when it can. */
  after: number | undefined
  /** The table's `missed` when nothing was found for it: until that grows there is nothing. */
  barren: number | undefined
}

/** What is known of how fast peers are. */
export interface PeerTimes {
  /** Milliseconds until the peer with that source number will have sent all it was asked for; 0 when it is gone. */
  timeLeft(source: number, now: number): number
}

interface Parts {
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly totals: Pick<Totals, "lastArrival">
  readonly clock: Clock
  readonly peers: PeerTimes
  /** All of the torrent. */
  readonly seeds: readonly WebSeed[]
}

/** Decides what a web seed fetches next. */
export class RunChoice {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** What the source fetches next, with its first piece open; undefined when there is nothing for it to do. */
  pick(source: Chooser): { run: Run; first: OpenPiece<Slot>; position: number } | undefined {
    const { picker, clock, table } = this.#parts
    const now = clock.now()
    const run = table.memoryLeft ? this.#pickRun(source) : undefined
    const next = run === undefined ? undefined : picker.runs.openNext(run, now)
    if (run !== undefined && next !== undefined) return { run, first: next, position: 0 }
    const first = picker.pickStuck(
      (open) =>
        source.seed.hasPiece(open.piece) &&
        (open.outstanding === 0 || now - open.openedAt > SLOW_PIECE || this.#isFaster(source.seed, open, now)) &&
        this.#canStart(source, open.piece, firstLacking(open)),
    )
    if (first === undefined) return undefined
    first.inRun = true
    return { run: new Run(first.piece + 1), first, position: firstLacking(first) }
  }

  /** Whether the web seed would be done with the piece long before the peer that was asked last. */
  #isFaster(seed: WebSeed, open: OpenPiece<Slot>, now: number): boolean {
    const needed = ((open.size - firstLacking(open)) * 1000) / seed.rate(now)
    return this.#parts.peers.timeLeft(open.lastAsked, now) > 2 * needed + WORTHWHILE
  }

  #pickRun(source: Chooser): Run | undefined {
    const { seed } = source
    const { table, picker } = this.#parts
    const has = (piece: number): boolean => seed.hasPiece(piece)
    if (source.barren !== table.missed) {
      const run = picker.runs.pick({
        has,
        maxBytes: seed.runLength.bytes,
        after: source.after,
        canStart: (piece) => this.#canStart(source, piece, 0),
      })
      if (run !== undefined) return run
      // Where it may start depends on what the others do.
      source.barren = seed.rangesSupported === false ? undefined : table.missed
    }
    const split = picker.runs.split((piece) => has(piece) && this.#canStart(source, piece, 0))
    split?.shortened.onShortened?.()
    return split?.run
  }

  /** A server that knows no ranges is not asked for the middle of a large file while others bring the piece. */
  #canStart({ seed }: Chooser, piece: number, position: number): boolean {
    const { table, totals, clock, seeds } = this.#parts
    const offset = table.layout.pieceOffset(piece) + position
    if (seed.canStartAt(offset) || clock.now() - totals.lastArrival > STUCK) return true
    const elsewhere = (other: WebSeed): boolean =>
      other !== seed && other.state.kind !== "disabled" && other.hasPiece(piece) && other.canStartAt(offset)
    return table.availability.count(piece) === 0 && !seeds.some(elsewhere)
  }
}

/** Where in a piece the first block lies that was not received. */
function firstLacking(open: OpenPiece<Slot>): number {
  let index = 0
  while (open.isReceived(index)) index++
  return index * BLOCK_LENGTH
}
