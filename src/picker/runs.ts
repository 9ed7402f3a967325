import type { Deadlines } from "./deadlines.js"
import type { OpenPiece, PieceBuffer } from "./open-piece.js"
import type { PieceTable } from "./piece-table.js"
import { Run } from "./run.js"

/** Bytes: a run that comes to a reader's piece within so many is left to it. */
const NEAR = 4 * 1024 * 1024
/** Pieces among which the longest gap is looked for: a millisecond's work, and more than most torrents have. */
const WINDOW = 65_536

/** What a web seed is to get. */
export interface RunWish {
  readonly has: (piece: number) => boolean
  /** The run is no longer, but for its first piece. */
  readonly maxBytes: number
  /** Where its last run ended: it goes on there if it can. */
  readonly after: number | undefined
  /** Where a run may start. */
  readonly canStart?: (piece: number) => boolean
}

/** The runs of the web seeds: no two overlap, and what they have not come to is reserved for them. */
export class Runs<B extends PieceBuffer = PieceBuffer> {
  readonly #table: PieceTable<B>
  readonly #deadlines: Deadlines<B>
  readonly #runs = new Set<Run>()
  readonly #near: number
  /** Where the window begins that gaps are looked for in, a multiple of {@link WINDOW}. It moves on when it has none left. */
  #window = 0

  constructor(table: PieceTable<B>, deadlines: Deadlines<B>) {
    this.#table = table
    this.#deadlines = deadlines
    this.#near = Math.max(1, Math.floor(NEAR / table.layout.pieceLength))
  }

  /**
   * The pieces of a new run, which are then reserved. It starts at what a reader waits for, else behind `after`, else
   * at the longest gap around where it was found last. Undefined when no missing piece is left for it.
   */
  pick({ has, maxBytes, after, canStart = () => true }: RunWish): Run | undefined {
    const table = this.#table
    if (table.count("missing") === 0) return undefined
    const free = (piece: number): boolean => piece < table.layout.pieceCount && table.is(piece, "missing") && has(piece)
    const starts = (piece: number): boolean => free(piece) && canStart(piece)
    const first =
      this.#deadlines.first(starts) ??
      (after !== undefined && starts(after) ? after : this.#longestGap(free, canStart)?.first)
    if (first === undefined) return undefined
    const limit = first + Math.max(1, Math.floor(maxBytes / table.layout.pieceLength))
    const run = new Run(first)
    while (run.end < limit && free(run.end) && !this.#awaitedApart(run, run.end)) table.reserve(run.end++)
    this.#runs.add(run)
    return run
  }

  /** Second half of the run with most left, for an idle web seed: undefined when none has more than two pieces. */
  split(has: (piece: number) => boolean): Run | undefined {
    let longest: Run | undefined
    for (const run of this.#runs)
      if (run.remaining > 2 && run.remaining > (longest?.remaining ?? 0) && has(run.end - 1)) longest = run
    if (longest === undefined) return undefined
    const end = longest.end
    let first = longest.next + Math.ceil(longest.remaining / 2)
    for (let piece = end - 1; piece >= first; piece--) if (!has(piece)) first = piece + 1
    if (first >= end) return undefined
    const run = new Run(first)
    run.end = end
    this.#runs.add(run)
    longest.end = first
    longest.onShortened?.()
    return run
  }

  /** The next piece of a run, opened; undefined when there is no memory for it now, or the run is at its end. */
  openNext(run: Run, now: number): OpenPiece<B> | undefined {
    if (run.next >= run.end) return undefined
    const open = this.#table.openPiece(run.next, now)
    if (open === undefined) return undefined
    open.inRun = true
    run.next++
    return open
  }

  /** Opens the last piece of a run that `has` accepts for somebody else. */
  openLast(has: (piece: number) => boolean, now: number): OpenPiece<B> | undefined {
    for (const run of this.#runs) {
      const piece = run.end - 1
      if (run.remaining < 2 || !has(piece)) continue
      const open = this.#table.openPiece(piece, now)
      if (open === undefined) return undefined
      run.end = piece
      run.onShortened?.()
      return open
    }
    return undefined
  }

  /** The run ends before `piece`: what it had reserved from there on is free. */
  cut(run: Run, piece: number): void {
    this.#giveBack(run, piece)
    run.onShortened?.()
  }

  /** Frees a reserved piece that a reader waits for, unless its run will soon come to it. */
  free(piece: number): void {
    for (const run of this.#runs)
      if (run.next <= piece && piece < run.end && this.#awaitedApart(run, piece)) this.cut(run, piece)
  }

  /** Cuts runs where they would fetch what is no longer wanted. */
  dropUnwanted(): void {
    for (const run of this.#runs) {
      let end = run.next
      while (end < run.end && this.#table.isWanted(end)) end++
      if (end < run.end) this.cut(run, end)
    }
  }

  /** The run is over: gives back what it has not come to. */
  release(run: Run): void {
    this.#runs.delete(run)
    this.#giveBack(run, run.next)
  }

  /** A reader waits for the piece, and the run is not near it, nor coming to it by way of others that are waited for. */
  #awaitedApart(run: Run, piece: number): boolean {
    const table = this.#table
    return piece - run.next > this.#near && table.isAwaited(piece) && !table.isAwaited(piece - 1)
  }

  #giveBack(run: Run, end: number): void {
    for (; run.end > end; run.end--) this.#table.unreserve(run.end - 1)
  }

  #longestGap(free: (piece: number) => boolean, canStart: (piece: number) => boolean): Gap | undefined {
    const { pieceCount } = this.#table.layout
    for (let looked = 0; looked < pieceCount; looked += WINDOW) {
      const end = Math.min(this.#window + WINDOW, pieceCount)
      const gap = longestGap(this.#window, end, free, canStart)
      if (gap !== undefined) return gap
      this.#window = end === pieceCount ? 0 : end
    }
    return undefined
  }
}

interface Gap {
  readonly first: number
  readonly length: number
}

function longestGap(
  begin: number,
  end: number,
  free: (piece: number) => boolean,
  canStart: (piece: number) => boolean,
): Gap | undefined {
  let longest: Gap | undefined
  for (let piece = begin; piece < end; piece++) {
    let first: number | undefined
    for (; piece < end && free(piece); piece++) if (first === undefined && canStart(piece)) first = piece
    if (first !== undefined && piece - first > (longest?.length ?? 0)) longest = { first, length: piece - first }
  }
  return longest
}
