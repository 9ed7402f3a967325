import { concatBytes } from "../../bytes/concat.js"
import { copyBytes } from "../../bytes/copy.js"
import { BLOCK_LENGTH } from "../../metainfo/layout.js"
import type { OpenPiece, Writer } from "../../picker/open-piece.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Run } from "../../picker/run.js"
import type { Runs } from "../../picker/runs.js"
import type { Slot } from "../../storage/slots.js"
import type { Intake } from "./intake.js"

/** Why bytes were of no use: others delivered the block first, or the run was over before it was whole. */
export type Waste = "duplicate" | "cut off"

/** What a run's bytes come from, and can be held up. */
export interface RunSource {
  pause(): void
  resume(): void
  /** Ends the run where it is. */
  stop(): void
  onWasted(bytes: number, why: Waste): void
}

/** Blocks in a row that others delivered first: what is left of the piece is asked for anew, from where it lacks. */
const MOST_SKIPPED = 16

/**
 * Takes the bytes of a web seed's run as they come, in order, and lays them as blocks into the pieces of the run, which
 * it opens one after the other. When there is no memory for the next piece, the source is paused until there is.
 * Blocks that somebody else delivered first are skipped over.
 */
export class RunTransfer implements Writer {
  destination: Uint8Array | null = null
  readonly #id: number
  readonly #run: Run
  readonly #source: RunSource
  readonly #table: PieceTable<Slot>
  readonly #runs: Runs<Slot>
  readonly #intake: Intake
  readonly #now: () => number
  #open: OpenPiece<Slot> | undefined
  /** The piece that the next byte belongs to, and where in it. */
  #piece: number
  #position: number
  /** What has been written of the current block. */
  #filled = 0
  /** Blocks in a row that were there already. */
  #skipped = 0
  /** Bytes that came while there was no memory. */
  #held: Uint8Array | undefined

  constructor(options: {
    id: number
    run: Run
    source: RunSource
    first: OpenPiece<Slot>
    position: number
    table: PieceTable<Slot>
    runs: Runs<Slot>
    intake: Intake
    now: () => number
  }) {
    this.#id = options.id
    this.#run = options.run
    this.#source = options.source
    this.#table = options.table
    this.#runs = options.runs
    this.#intake = options.intake
    this.#now = options.now
    this.#open = options.first
    this.#piece = options.first.piece
    this.#position = options.position
  }

  /** The piece that the next byte belongs to, or the last one there was. */
  get piece(): number {
    return this.#piece
  }

  /** The piece it is inside: others may have completed it already. */
  get open(): OpenPiece<Slot> | undefined {
    return this.#open
  }

  /** True while it waits for memory. */
  get waiting(): boolean {
    return this.#held !== undefined
  }

  /** The next bytes of the run. `chunk` may be used again by the caller afterwards. */
  write(chunk: Uint8Array): void {
    if (this.#held !== undefined) {
      // A source that was slow to pause: its bytes keep their order.
      this.#held = concatBytes(this.#held, chunk)
      return
    }
    const taken = this.#take(chunk)
    if (taken === chunk.length) return
    this.#held = chunk.slice(taken)
    this.#source.pause()
  }

  /** There may be memory again. */
  retry(): void {
    const held = this.#held
    if (held === undefined) return
    const taken = this.#take(held)
    if (taken < held.length) {
      this.#held = held.subarray(taken)
      return
    }
    this.#held = undefined
    this.#source.resume()
  }

  /** The run is over, at its end or not: what was received stays, the rest is for others. */
  end(): void {
    const open = this.#open
    this.handOver()
    if (open !== undefined) {
      open.inRun = false
      this.#table.settle(open)
    }
    this.#runs.release(this.#run)
  }

  /** Another source goes on with the run, where this one is: what was received stays. */
  handOver(): void {
    if (this.destination !== null) this.#intake.abandonBlock(this.#block(this.#position), this)
    this.destination = null
    this.#source.onWasted(this.#filled + (this.#held?.length ?? 0), "cut off")
    this.#filled = 0
    this.#held = undefined
    this.#open = undefined
  }

  #take(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#open === undefined && !this.#enterPiece()) {
        if (this.#run.remaining > 0) break
        // Others took the tail of the run after its bytes had come.
        this.#source.onWasted(chunk.length - at, "duplicate")
        return chunk.length
      }
      const size = this.#table.layout.pieceSize(this.#piece)
      const blockStart = this.#position - (this.#position % BLOCK_LENGTH)
      const blockEnd = Math.min(blockStart + BLOCK_LENGTH, size)
      if (this.#position === blockStart) this.#enterBlock()
      const length = Math.min(chunk.length - at, blockEnd - this.#position)
      if (this.destination !== null) {
        copyBytes(this.destination, this.#filled, chunk, at, at + length)
        this.#filled += length
      } else this.#source.onWasted(length, "duplicate")
      at += length
      this.#position += length
      if (this.#position === blockEnd) this.#finishBlock()
      if (this.#position === size) this.#leavePiece()
    }
    return at
  }

  #enterPiece(): boolean {
    const open = this.#runs.openNext(this.#run, this.#now())
    if (open === undefined) return false
    this.#open = open
    this.#piece = open.piece
    this.#position = 0
    return true
  }

  #enterBlock(): void {
    this.#filled = 0
    this.destination = this.#intake.beginBlock(this.#block(this.#position), this)
    this.#skipped = this.destination === null ? this.#skipped + 1 : 0
    if (this.#skipped === MOST_SKIPPED && this.#run.remaining === 0) this.#source.stop()
  }

  #finishBlock(): void {
    this.destination = null
    const kept = this.#intake.endBlock(this.#block(this.#position - 1), this, this.#id)
    // Else somebody took it over.
    if (!kept) this.#source.onWasted(this.#filled, "duplicate")
    this.#filled = 0
  }

  #leavePiece(): void {
    if (this.#open !== undefined) this.#open.inRun = false
    this.#open = undefined
  }

  #block(position: number): number {
    return this.#table.layout.block(this.#piece, Math.floor(position / BLOCK_LENGTH))
  }
}
