import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { Random } from "../ports/random.js"
import { Availability } from "./availability.js"
import { OpenPiece, type PieceBuffer } from "./open-piece.js"

/**
 * Where a piece stands. Exactly one of these:
 * `unwanted`: no selected file needs it; `missing`: to be had; `reserved`: a web seed's run will come to it;
 * `open`: being put together in memory; `committing`: full, being hashed and written; `have`: verified and on disk.
 */
export type PieceState = "unwanted" | "missing" | "reserved" | "open" | "committing" | "have"

const STATES: readonly PieceState[] = ["unwanted", "missing", "reserved", "open", "committing", "have"]
const CODES = { unwanted: 0, missing: 1, reserved: 2, open: 3, committing: 4, have: 5 } as const satisfies Record<
  PieceState,
  number
>

/** Memory for pieces, from a fixed budget: none left means that no further piece may be opened. */
export interface PieceMemory<B extends PieceBuffer> {
  readonly capacity: number
  readonly inUse: number
  acquire(): B | undefined
  release(buffer: B): void
}

/**
 * The state of every piece, and the pieces that are open. All changes of state go through here, and keep the
 * availability's candidates equal to the missing pieces.
 */
export class PieceTable<B extends PieceBuffer = PieceBuffer> {
  readonly layout: TorrentLayout
  readonly availability: Availability
  readonly have: Bitfield
  /** Open pieces, oldest first. */
  readonly open = new Map<number, OpenPiece<B>>()
  /** Those of them that have blocks nobody was asked for. */
  readonly hungry = new Set<OpenPiece<B>>()
  readonly #memory: PieceMemory<B>
  readonly #state: Uint8Array
  readonly #counts = new Uint32Array(STATES.length)

  constructor(options: {
    layout: TorrentLayout
    memory: PieceMemory<B>
    random: Random
    have: Bitfield
    wanted: Bitfield
  }) {
    this.layout = options.layout
    this.#memory = options.memory
    this.have = new Bitfield(options.layout.pieceCount)
    this.availability = new Availability(options.layout.pieceCount, options.random)
    this.#state = new Uint8Array(options.layout.pieceCount)
    this.#counts[CODES.unwanted] = options.layout.pieceCount
    for (let piece = 0; piece < options.layout.pieceCount; piece++) {
      if (options.have.has(piece)) this.#set(piece, "have")
      else if (options.wanted.has(piece)) this.#set(piece, "missing")
    }
  }

  state(piece: number): PieceState {
    return STATES[this.#state[piece]!]!
  }

  is(piece: number, state: PieceState): boolean {
    return this.#state[piece] === CODES[state]
  }

  /** Pieces in that state. */
  count(state: PieceState): number {
    return this.#counts[CODES[state]]!
  }

  /** Pieces that are wanted and not yet verified on disk. */
  get remaining(): number {
    return this.count("missing") + this.count("reserved") + this.count("open") + this.count("committing")
  }

  /** True when a further piece may be opened now. */
  get memoryLeft(): boolean {
    return this.#memory.inUse < this.#memory.capacity
  }

  /** True when a source that has this piece is worth asking. */
  isNeeded(piece: number): boolean {
    const state = this.#state[piece]!
    return state === CODES.missing || state === CODES.reserved || state === CODES.open
  }

  reserve(piece: number): void {
    this.#expect(piece, "missing")
    this.#set(piece, "reserved")
  }

  unreserve(piece: number): void {
    this.#expect(piece, "reserved")
    this.#set(piece, "missing")
  }

  /** Opens a missing or reserved piece; undefined when there is no memory for it now. */
  openPiece(piece: number, now: number): OpenPiece<B> | undefined {
    const buffer = this.#memory.acquire()
    if (buffer === undefined) return undefined
    const open = new OpenPiece<B>(piece, this.layout.pieceSize(piece), buffer, now)
    this.#set(piece, "open")
    this.open.set(piece, open)
    this.hungry.add(open)
    return open
  }

  /** A full piece goes to the disk: its memory is not to be touched until {@link stored} or {@link rejected}. */
  commit(open: OpenPiece<B>): void {
    this.#expect(open.piece, "open")
    open.detachAll()
    this.#forget(open)
    this.#set(open.piece, "committing")
  }

  /** The commit ended well. */
  stored(open: OpenPiece<B>): void {
    this.#expect(open.piece, "committing")
    this.#set(open.piece, "have")
    this.#memory.release(open.buffer)
  }

  /** The commit ended badly: the piece is missing again. */
  rejected(open: OpenPiece<B>): void {
    this.#expect(open.piece, "committing")
    this.#set(open.piece, "missing")
    this.#memory.release(open.buffer)
  }

  /** Gives up an open piece, blocks and all. */
  drop(open: OpenPiece<B>): void {
    this.#expect(open.piece, "open")
    open.detachAll()
    this.#forget(open)
    this.#set(open.piece, "missing")
    this.#memory.release(open.buffer)
  }

  /** A piece we had is not on the disk any more. */
  lost(piece: number, wanted: boolean): void {
    if (this.is(piece, "have")) this.#set(piece, wanted ? "missing" : "unwanted")
  }

  /** The piece is needed, whatever the selection says. */
  want(piece: number): void {
    if (this.is(piece, "unwanted")) this.#set(piece, "missing")
  }

  /** Another selection of files. Pieces that are open or on their way to the disk are finished anyway. */
  select(wanted: Bitfield): void {
    for (let piece = 0; piece < this.layout.pieceCount; piece++) {
      if (this.is(piece, "unwanted") && wanted.has(piece)) this.#set(piece, "missing")
      else if (this.is(piece, "missing") && !wanted.has(piece)) this.#set(piece, "unwanted")
    }
  }

  /** To be called after blocks of an open piece were asked for or given up. */
  settle(open: OpenPiece<B>): void {
    if (this.open.get(open.piece) !== open) return
    if (open.unasked > 0) this.hungry.add(open)
    else this.hungry.delete(open)
  }

  /** Throws when the books are wrong; for tests. */
  assertInvariants(): void {
    const counts = new Uint32Array(STATES.length)
    for (let piece = 0; piece < this.layout.pieceCount; piece++) {
      counts[this.#state[piece]!]!++
      if (this.is(piece, "have") !== this.have.has(piece)) throw new Error(`piece ${piece}: have and state differ`)
      if (this.is(piece, "open") !== this.open.has(piece)) throw new Error(`piece ${piece}: open and state differ`)
      if (this.is(piece, "missing") !== this.availability.isCandidate(piece))
        throw new Error(`piece ${piece}: candidates and state differ`)
    }
    if (counts.some((count, state) => count !== this.#counts[state])) throw new Error("the counts are wrong")
    for (const open of this.open.values())
      if (open.unasked > 0 && !this.hungry.has(open)) throw new Error(`piece ${open.piece} is hungry and not listed`)
    this.availability.assertInvariants()
  }

  #forget(open: OpenPiece<B>): void {
    this.open.delete(open.piece)
    this.hungry.delete(open)
  }

  #expect(piece: number, state: PieceState): void {
    if (!this.is(piece, state)) throw new Error(`piece ${piece} should be ${state} and is ${this.state(piece)}`)
  }

  #set(piece: number, state: PieceState): void {
    const before = this.#state[piece]!
    if (before === CODES.missing) this.availability.removeCandidate(piece)
    if (before === CODES.have) this.have.delete(piece)
    this.#counts[before]!--
    this.#state[piece] = CODES[state]
    this.#counts[CODES[state]]!++
    if (state === "missing") this.availability.addCandidate(piece)
    if (state === "have") this.have.add(piece)
  }
}
