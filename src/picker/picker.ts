import type { Random } from "../ports/random.js"
import type { BlockSource } from "./block-source.js"
import { Deadlines } from "./deadlines.js"
import type { Fellows } from "./fellows.js"
import type { OpenPiece, PieceBuffer } from "./open-piece.js"
import { PieceChoice } from "./piece-choice.js"
import type { PieceTable } from "./piece-table.js"
import { Runs } from "./runs.js"

/** Open pieces looked at for a block to ask for twice: enough to find one, whatever the number of open pieces. */
const DUPLICATE_SCAN = 64
/** An open piece that nobody could serve for so long gives its memory to one that somebody can, ms. */
const STARVED = 20_000

/** Decides which block to ask whom for. No I/O, no time of its own. */
export class Picker<B extends PieceBuffer = PieceBuffer> {
  /** What web seeds fetch. */
  readonly runs: Runs<B>
  /** Connected downloaders. */
  readonly fellows: Fellows
  readonly #table: PieceTable<B>
  readonly #deadlines: Deadlines<B>
  readonly #choice: PieceChoice<B>

  constructor(table: PieceTable<B>, random: Random, fellows: Fellows) {
    this.#table = table
    this.fellows = fellows
    this.#choice = new PieceChoice(table, random, fellows)
    this.#deadlines = new Deadlines(table)
    this.runs = new Runs(table, this.#deadlines)
  }

  /** A reader waits for the piece: it goes before all others, the earliest deadline (clock ms) first. */
  setDeadline(piece: number, time: number): void {
    this.#deadlines.set(piece, time)
    if (this.#table.is(piece, "reserved")) this.runs.free(piece)
  }

  /** The missing piece that a reader waits for first, of those that `has` accepts. */
  firstAwaited(has: (piece: number) => boolean): number | undefined {
    return this.#deadlines.first((piece) => this.#table.is(piece, "missing") && has(piece))
  }

  /** The source is gone, or has fewer pieces than before. */
  forget(source: number): void {
    this.#choice.forget(source)
  }

  /**
   * Picks up to `want` blocks for a source and tells each to `ask`, in the order in which to send the requests.
   * Opens pieces as memory allows.
   *
   * @returns how many blocks were picked
   */
  pickBlocks(source: BlockSource, want: number, now: number, ask: (block: number) => void): number {
    let picked = this.#fromDeadlines(source, want, now, ask)
    while (picked < want) {
      const open = this.#nextFor(source, now)
      if (open === undefined) break
      picked += this.#askUnasked(source, open, want - picked, ask)
    }
    return picked
  }

  /**
   * End-game, for a source that has nothing else to do: blocks that others were asked for and have not sent, of pieces
   * that were opened before `openedBefore` (clock ms), so that at most `maxCopies` are on the way.
   *
   * @returns how many blocks were picked
   */
  pickDuplicates(
    source: BlockSource,
    want: number,
    limits: { maxCopies: number; openedBefore: number },
    ask: (block: number) => void,
  ): number {
    let picked = 0
    let scanned = 0
    for (const open of this.#table.open.values()) {
      if (picked >= want || ++scanned > DUPLICATE_SCAN) break
      if (open.openedAt >= limits.openedBefore || !source.hasPiece(open.piece)) continue
      for (let n = 0; n < open.blockCount && picked < want; n++) {
        // A web seed works from the front: meet it from the end.
        const index = open.inRun ? open.blockCount - 1 - n : n
        const block = this.#table.layout.block(open.piece, index)
        const copies = open.copiesAsked(index) + (open.inRun ? 1 : 0)
        if (open.isReceived(index) || copies >= limits.maxCopies || source.isAsked(block)) continue
        open.ask(index)
        ask(block)
        picked++
      }
      this.#table.settle(open)
    }
    return picked
  }

  /**
   * For a source that has nothing else to do: blocks of the pieces that web seeds are at. They work from the front, so it
   * is asked for the end, and they meet in between.
   *
   * @returns how many blocks were picked
   */
  pickFromRuns(source: BlockSource, want: number, ask: (block: number) => void): number {
    let picked = 0
    let scanned = 0
    for (const open of this.#table.open.values()) {
      if (picked >= want || ++scanned > DUPLICATE_SCAN) break
      if (!open.inRun || !source.hasPiece(open.piece)) continue
      for (let index = open.blockCount - 1; index >= 0 && picked < want; index--) {
        if (open.isReceived(index) || open.copiesAsked(index) > 0) continue
        open.ask(index)
        ask(this.#table.layout.block(open.piece, index))
        picked++
      }
      this.#table.settle(open)
    }
    return picked
  }

  /** An open piece that a web seed with nothing else to do should complete: the oldest that `fits`. */
  pickStuck(fits: (open: OpenPiece<B>) => boolean): OpenPiece<B> | undefined {
    let scanned = 0
    for (const open of this.#table.open.values()) {
      if (++scanned > DUPLICATE_SCAN) return undefined
      if (!open.inRun && fits(open)) return open
    }
    return undefined
  }

  /** Gives up an open piece that no source can complete, so that its memory serves another. True when there was one. */
  dropHopeless(canComplete: (piece: number) => boolean): boolean {
    for (const open of this.#table.requestable) {
      if (open.outstanding > 0 || open.beingWritten || open.inRun || canComplete(open.piece)) continue
      this.#table.drop(open)
      return true
    }
    return false
  }

  /** The open piece with fewest blocks that had nobody at work for long, and whom `canServe` gives nobody now. */
  starved(now: number, canServe: (piece: number) => boolean): OpenPiece<B> | undefined {
    let poorest: OpenPiece<B> | undefined
    for (const open of this.#table.requestable) {
      if (open.outstanding > 0 || open.beingWritten || open.inRun || canServe(open.piece)) continue
      open.idleSince ??= now
      if (now - open.idleSince < STARVED) continue
      if (poorest === undefined || open.receivedCount < poorest.receivedCount) poorest = open
    }
    return poorest
  }

  /** Gives up what is being fetched and is no longer wanted. Tells which blocks to `cancel`. */
  dropUnwanted(cancel: (block: number) => void): void {
    for (const open of [...this.#table.open.values()]) {
      if (this.#table.isWanted(open.piece)) continue
      this.#table.drop(open)
      for (let index = 0; index < open.blockCount; index++)
        if (open.copiesAsked(index) > 0) cancel(this.#table.layout.block(open.piece, index))
    }
    this.runs.dropUnwanted()
  }

  #fromDeadlines(source: BlockSource, want: number, now: number, ask: (block: number) => void): number {
    const table = this.#table
    let picked = 0
    this.#deadlines.search((piece) => {
      if (picked >= want) return "stop"
      if (!source.hasPiece(piece)) return "next"
      let open = table.open.get(piece)
      if (open === undefined && table.is(piece, "missing")) {
        open = table.openPiece(piece, now)
        // Without memory, what is open already is found among the requestable ones.
        if (open === undefined) return "stop"
      }
      if (open !== undefined && open.unasked > 0) picked += this.#askUnasked(source, open, want - picked, ask)
      return "next"
    })
    return picked
  }

  /** The piece to go on with. */
  #nextFor(source: BlockSource, now: number): OpenPiece<B> | undefined {
    const open = this.#requestableFor(source)
    if (open === undefined || !this.#isForFellows(source, open)) return open ?? this.#openFor(source, now)
    return this.#openFor(source, now) ?? open
  }

  /** A seed is better asked for a piece that only seeds have than for the rest of one that others can give. */
  #isForFellows(source: BlockSource, open: OpenPiece<B>): boolean {
    const { availability } = this.#table
    if (source.counted || open.lastAsked === source.id || !availability.isShared(open.piece)) return false
    return availability.candidates > 0 && availability.lowestCount() === availability.seeds
  }

  /** An open piece with blocks to ask for: first one that this source was asked for before, else the one nearest its end. */
  #requestableFor(source: BlockSource): OpenPiece<B> | undefined {
    let best: OpenPiece<B> | undefined
    const { onlyPieces } = source
    for (const open of onlyPieces === undefined ? this.#table.requestable : this.#requestableAmong(onlyPieces)) {
      if (open.inRun || !source.hasPiece(open.piece)) continue
      if (open.lastAsked === source.id) return open
      if (best === undefined || open.unasked < best.unasked) best = open
    }
    return best
  }

  *#requestableAmong(pieces: Iterable<number>): Generator<OpenPiece<B>> {
    for (const piece of pieces) {
      const open = this.#table.open.get(piece)
      if (open !== undefined && open.unasked > 0) yield open
    }
  }

  #openFor(source: BlockSource, now: number): OpenPiece<B> | undefined {
    if (!this.#table.memoryLeft) return undefined
    const piece = this.#choice.missingFor(source)
    // Nothing is missing but what web seeds will come to: take the tail of a run, so that they meet in the middle.
    if (piece === undefined) return this.runs.openLast((last) => source.hasPiece(last), now)
    const open = this.#table.openPiece(piece, now)
    if (open !== undefined) this.#choice.began(source.id, piece)
    return open
  }

  #askUnasked(source: BlockSource, open: OpenPiece<B>, want: number, ask: (block: number) => void): number {
    let picked = 0
    for (; picked < want; picked++) {
      const index = open.nextUnasked()
      if (index === undefined) break
      open.ask(index)
      ask(this.#table.layout.block(open.piece, index))
    }
    open.lastAsked = source.id
    this.#table.settle(open)
    return picked
  }
}
