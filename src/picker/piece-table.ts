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
/** Why a piece is wanted: a selected file needs it, a reader waits for it, or both. */
const SELECTED = 1
const AWAITED = 2

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
  readonly requestable = new Set<OpenPiece<B>>()
  readonly #memory: PieceMemory<B>
  readonly #onOpen: ((piece: number) => void) | undefined
  readonly #state: Uint8Array
  readonly #wanted: Uint8Array
  readonly #counts = new Uint32Array(STATES.length)
  /** Committing pieces that the disk lost before their commit's end came to us. */
  readonly #lostEarly = new Set<number>()
  #missingEpoch = 0
  #droppedBytes = 0
  #requestableEpoch = 0

  constructor(options: {
    layout: TorrentLayout
    memory: PieceMemory<B>
    random: Random
    have: Bitfield
    wanted: Bitfield
    /** A piece was opened. */
    onOpen?: (piece: number) => void
  }) {
    this.layout = options.layout
    this.#memory = options.memory
    this.#onOpen = options.onOpen
    this.have = new Bitfield(options.layout.pieceCount)
    this.availability = new Availability(options.layout.pieceCount, options.random)
    this.#state = new Uint8Array(options.layout.pieceCount)
    this.#wanted = new Uint8Array(options.layout.pieceCount)
    this.#counts[CODES.unwanted] = options.layout.pieceCount
    for (let piece = 0; piece < options.layout.pieceCount; piece++) {
      if (options.wanted.has(piece)) this.#wanted[piece] = SELECTED
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

  /** Grows whenever a piece becomes missing: who found nothing before may find something now. */
  get missingEpoch(): number {
    return this.#missingEpoch
  }

  /** Grows whenever an open piece has blocks to ask for again. */
  get requestableEpoch(): number {
    return this.#requestableEpoch
  }

  /** Received bytes of open pieces that were given up. */
  get droppedBytes(): number {
    return this.#droppedBytes
  }

  /** True when all pieces of the selected files are there. O(pieces). */
  get selectionComplete(): boolean {
    for (let piece = 0; piece < this.layout.pieceCount; piece++)
      if ((this.#wanted[piece]! & SELECTED) !== 0 && !this.is(piece, "have")) return false
    return true
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

  /** True when a selected file needs the piece, or a reader waits for it. */
  isWanted(piece: number): boolean {
    return this.#wanted[piece] !== 0
  }

  /** True when a reader waits for the piece. */
  isAwaited(piece: number): boolean {
    return (this.#wanted[piece]! & AWAITED) !== 0
  }

  reserve(piece: number): void {
    this.#expect(piece, "missing")
    this.#set(piece, "reserved")
  }

  unreserve(piece: number): void {
    this.#expect(piece, "reserved")
    this.#giveBack(piece)
  }

  /** Opens a missing or reserved piece; undefined when there is no memory for it now. */
  openPiece(piece: number, now: number): OpenPiece<B> | undefined {
    const buffer = this.#memory.acquire()
    if (buffer === undefined) return undefined
    const open = new OpenPiece<B>(piece, this.layout.pieceSize(piece), buffer, now)
    for (const index of this.layout.paddingBlocks(piece)) open.pad(index)
    this.#set(piece, "open")
    this.open.set(piece, open)
    this.requestable.add(open)
    this.#onOpen?.(piece)
    return open
  }

  /** A full piece goes to the disk: its memory is not to be touched until {@link stored} or {@link rejected}. */
  commit(open: OpenPiece<B>): void {
    this.#expect(open.piece, "open")
    open.detachAll()
    this.#forget(open)
    this.#set(open.piece, "committing")
  }

  /** The commit ended well. False when the disk lost the piece again meanwhile. */
  stored(open: OpenPiece<B>): boolean {
    this.#expect(open.piece, "committing")
    const kept = !this.#lostEarly.delete(open.piece)
    if (kept) this.#keep(open.piece)
    else this.#giveBack(open.piece)
    this.#memory.release(open.buffer)
    return kept
  }

  /** The commit ended badly: the piece is to be had again. */
  rejected(open: OpenPiece<B>): void {
    this.#expect(open.piece, "committing")
    this.#lostEarly.delete(open.piece)
    this.#giveBack(open.piece)
    this.#memory.release(open.buffer)
  }

  /** Gives up an open piece, blocks and all. */
  drop(open: OpenPiece<B>): void {
    this.#expect(open.piece, "open")
    this.#droppedBytes += open.receivedBytes
    open.detachAll()
    this.#forget(open)
    this.#giveBack(open.piece)
    this.#memory.release(open.buffer)
  }

  /** The piece was found on the disk. True when that is news; one that is being fetched is fetched to its end. */
  found(piece: number): boolean {
    if (!this.is(piece, "unwanted") && !this.is(piece, "missing")) return false
    this.#keep(piece)
    return true
  }

  /** A piece is not on the disk any more. True when we had it. */
  lost(piece: number): boolean {
    if (this.is(piece, "committing")) this.#lostEarly.add(piece)
    if (!this.is(piece, "have")) return false
    this.#giveBack(piece)
    return true
  }

  /** A reader waits for the piece, whatever the selection says. */
  want(piece: number): void {
    if (this.is(piece, "have")) return
    this.#wanted[piece]! |= AWAITED
    if (this.is(piece, "unwanted")) this.#set(piece, "missing")
  }

  /** No reader waits for the piece any more. */
  unwant(piece: number): void {
    this.#wanted[piece]! &= ~AWAITED
    if (this.is(piece, "missing") && !this.isWanted(piece)) this.#set(piece, "unwanted")
  }

  /** Another selection of files. What readers wait for stays wanted; open and reserved pieces are for the picker to drop. */
  select(selected: Bitfield): void {
    for (let piece = 0; piece < this.layout.pieceCount; piece++) {
      if (selected.has(piece)) this.#wanted[piece]! |= SELECTED
      else this.#wanted[piece]! &= ~SELECTED
      if (this.is(piece, "unwanted") && this.isWanted(piece)) this.#set(piece, "missing")
      else if (this.is(piece, "missing") && !this.isWanted(piece)) this.#set(piece, "unwanted")
    }
  }

  /** To be called after blocks of an open piece were asked for or given up. */
  settle(open: OpenPiece<B>): void {
    if (this.open.get(open.piece) !== open) return
    if (open.unasked === 0) this.requestable.delete(open)
    else if (!this.requestable.has(open)) {
      this.requestable.add(open)
      this.#requestableEpoch++
    }
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
      if ((this.is(piece, "missing") && !this.isWanted(piece)) || (this.is(piece, "unwanted") && this.isWanted(piece)))
        throw new Error(`piece ${piece} is ${this.state(piece)} against what is wanted`)
    }
    if (counts.some((count, state) => count !== this.#counts[state])) throw new Error("the counts are wrong")
    for (const open of this.open.values())
      if (open.unasked > 0 && !this.requestable.has(open))
        throw new Error(`piece ${open.piece} is requestable and not listed`)
    this.availability.assertInvariants()
  }

  #forget(open: OpenPiece<B>): void {
    this.open.delete(open.piece)
    this.requestable.delete(open)
  }

  #keep(piece: number): void {
    this.#wanted[piece]! &= ~AWAITED
    this.#set(piece, "have")
  }

  #giveBack(piece: number): void {
    this.#set(piece, this.isWanted(piece) ? "missing" : "unwanted")
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
    if (state === "missing") {
      this.#missingEpoch++
      this.availability.addCandidate(piece)
    }
    if (state === "have") this.have.add(piece)
  }
}
