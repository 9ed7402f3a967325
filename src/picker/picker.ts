import { MinHeap } from "../bytes/min-heap.js"
import type { Random } from "../ports/random.js"
import type { OpenPiece, PieceBuffer } from "./open-piece.js"
import type { PieceTable } from "./piece-table.js"
import { Run } from "./run.js"

/** Pieces taken at random before rarest-first sets in: something to trade comes sooner (BEP 3; libtorrent: 4). */
const RANDOM_FIRST = 4
/** Small pieces are taken in neighbouring groups of this many bytes, so that both disks work in longer strides. */
const STRIDE = 1024 * 1024
/** Open pieces looked at for a block to ask for twice: enough to find one, whatever the number of open pieces. */
const DUPLICATE_SCAN = 64

/** One who can be asked for blocks. */
export interface BlockSource {
  /** Unique among the sources of the torrent, from 1 on. */
  readonly id: number
  /** Counts in the availability's buckets (a peer that is not a seed): its pieces are never in the rarest, empty one. */
  readonly counted: boolean
  hasPiece(piece: number): boolean
  isAsked(block: number): boolean
}

/** Decides which block to ask whom for, and which run a web seed fetches. No I/O, no time of its own. */
export class Picker<B extends PieceBuffer = PieceBuffer> {
  readonly #table: PieceTable<B>
  readonly #random: Random
  readonly #deadlines = new MinHeap<number>()
  readonly #runs = new Set<Run>()
  /** Where each source left off, so that small pieces come in strides. */
  readonly #last = new Map<number, number>()
  readonly #stride: number

  constructor(table: PieceTable<B>, random: Random) {
    this.#table = table
    this.#random = random
    this.#stride = Math.max(1, Math.floor(STRIDE / table.layout.pieceLength))
  }

  /** A reader waits for the piece: it goes before all others, the earliest deadline (clock ms) first. */
  setDeadline(piece: number, time: number): void {
    this.#deadlines.push(time, piece)
  }

  /** The source is gone. */
  forget(source: number): void {
    this.#last.delete(source)
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
      const open = this.#hungryFor(source) ?? this.#openFor(source, now)
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
   * Picks a run of pieces for a web seed: what follows `after` when that is free, else the start of the longest gap.
   * The pieces are reserved. Undefined when no missing piece is left that `has` accepts.
   */
  pickRun(has: (piece: number) => boolean, maxBytes: number, after: number | undefined): Run | undefined {
    const table = this.#table
    const free = (piece: number): boolean => table.is(piece, "missing") && has(piece)
    const first =
      after !== undefined && after < table.layout.pieceCount && free(after) ? after : this.#longestGap(free)?.first
    if (first === undefined) return undefined
    const limit = Math.min(
      table.layout.pieceCount,
      first + Math.max(1, Math.floor(maxBytes / table.layout.pieceLength)),
    )
    const run = new Run(first)
    while (run.end < limit && free(run.end)) table.reserve(run.end++)
    this.#runs.add(run)
    return run
  }

  /** Second half of the run with most left, for an idle web seed: undefined when none has more than two pieces. */
  splitRun(has: (piece: number) => boolean): { shortened: Run; run: Run } | undefined {
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
    longest.end = first
    this.#runs.add(run)
    return { shortened: longest, run }
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

  /** The next piece of a run, opened; undefined when there is no memory for it now, or the run is at its end. */
  openNext(run: Run, now: number): OpenPiece<B> | undefined {
    if (run.next >= run.end) return undefined
    const open = this.#table.openPiece(run.next, now)
    if (open === undefined) return undefined
    open.inRun = true
    run.next++
    return open
  }

  /** The run is over: gives back what it has not come to. */
  releaseRun(run: Run): void {
    this.#runs.delete(run)
    for (; run.next < run.end; run.end--) this.#table.unreserve(run.end - 1)
  }

  /** Gives up an open piece that no source can complete, so that its memory serves another. True when there was one. */
  dropHopeless(canComplete: (piece: number) => boolean): boolean {
    for (const open of this.#table.hungry) {
      if (open.outstanding > 0 || open.beingWritten || open.inRun || canComplete(open.piece)) continue
      this.#table.drop(open)
      return true
    }
    return false
  }

  #fromDeadlines(source: BlockSource, want: number, now: number, ask: (block: number) => void): number {
    let picked = 0
    const kept: [number, number][] = []
    while (picked < want) {
      const time = this.#deadlines.minKey
      const piece = this.#deadlines.pop()
      if (time === undefined || piece === undefined) break
      if (!this.#table.isNeeded(piece)) continue
      kept.push([time, piece])
      if (!source.hasPiece(piece)) continue
      const open =
        this.#table.open.get(piece) ??
        (this.#table.is(piece, "missing") ? this.#table.openPiece(piece, now) : undefined)
      if (open !== undefined && open.unasked > 0) picked += this.#askUnasked(source, open, want - picked, ask)
    }
    for (const [time, piece] of kept) this.#deadlines.push(time, piece)
    return picked
  }

  /** An open piece with blocks to ask for: first one that this source was asked for before, else the one nearest its end. */
  #hungryFor(source: BlockSource): OpenPiece<B> | undefined {
    let best: OpenPiece<B> | undefined
    for (const open of this.#table.hungry) {
      if (open.inRun || !source.hasPiece(open.piece)) continue
      if (open.lastAsked === source.id) return open
      if (best === undefined || open.unasked < best.unasked) best = open
    }
    return best
  }

  #openFor(source: BlockSource, now: number): OpenPiece<B> | undefined {
    const piece = this.#missingFor(source)
    if (piece === undefined) return this.#stealFromRun(source, now)
    const open = this.#table.openPiece(piece, now)
    if (open !== undefined) this.#last.set(source.id, piece)
    return open
  }

  #missingFor(source: BlockSource): number | undefined {
    const { availability } = this.#table
    if (availability.candidates === 0) return undefined
    const has = (piece: number): boolean => source.hasPiece(piece)
    const neighbour = this.#neighbour(source)
    if (neighbour !== undefined) return neighbour
    if (this.#table.have.count + this.#table.open.size < RANDOM_FIRST) {
      const piece = availability.random(has, this.#random)
      if (piece !== undefined) return piece
    }
    return availability.rarest(has, source.counted ? 1 : 0)
  }

  /** The piece after the one the source was given last, inside a stride, when no missing piece is rarer. */
  #neighbour(source: BlockSource): number | undefined {
    const last = this.#last.get(source.id)
    if (last === undefined || this.#stride === 1 || (last + 1) % this.#stride === 0) return undefined
    const next = last + 1
    const { availability, layout } = this.#table
    if (next >= layout.pieceCount || !availability.isCandidate(next) || !source.hasPiece(next)) return undefined
    return availability.count(next) <= availability.lowestCount(source.counted ? 1 : 0) ? next : undefined
  }

  /** Nothing is missing but what web seeds will come to: take the tail of a run, so that they meet in the middle. */
  #stealFromRun(source: BlockSource, now: number): OpenPiece<B> | undefined {
    for (const run of this.#runs) {
      const piece = run.end - 1
      if (run.remaining < 2 || !source.hasPiece(piece)) continue
      const open = this.#table.openPiece(piece, now)
      if (open === undefined) return undefined
      run.end = piece
      run.onShortened?.()
      return open
    }
    return undefined
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

  #longestGap(free: (piece: number) => boolean): { first: number; length: number } | undefined {
    let longest: { first: number; length: number } | undefined
    for (let piece = 0; piece < this.#table.layout.pieceCount; piece++) {
      const first = piece
      while (piece < this.#table.layout.pieceCount && free(piece)) piece++
      if (piece - first > (longest?.length ?? 0)) longest = { first, length: piece - first }
    }
    return longest
  }
}
