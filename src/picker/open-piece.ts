import { BLOCK_LENGTH } from "../metainfo/layout.js"

/** Memory for one piece. */
export interface PieceBuffer {
  readonly bytes: Uint8Array
}

/** Where the bytes of an arriving block go; null: they are thrown away. One for each source, used again and again. */
export interface Writer {
  destination: Uint8Array | null
}

const WANTED = 0
const ASKED = 1
const RECEIVED = 2
const PADDING = 3
/** No source has this number. */
const NOBODY = 0

/**
 * A piece that is being put together in memory, block by block, by one or many sources.
 *
 * The one dangerous race of a BitTorrent client is a block that arrives twice while its piece fills or is being hashed:
 * wrong bytes could reach the disk behind a good hash. So a block has one writer at most; a later one takes over and
 * the earlier is detached; a received block never has a writer again; and the piece is full only when all blocks are
 * received, which therefore means that nobody writes into it.
 */
export class OpenPiece<B extends PieceBuffer = PieceBuffer> {
  readonly piece: number
  readonly size: number
  readonly buffer: B
  readonly blockCount: number
  /** Clock time of the opening, ms. */
  readonly openedAt: number
  readonly #state: Uint8Array
  /** Outstanding requests for each block. */
  readonly #asked: Uint8Array
  /** Who gave each block. */
  readonly #givers: Uint32Array
  /** Who writes into each block now. */
  readonly #writers: (Writer | undefined)[]
  #writing = 0
  #received = 0
  #padding = 0
  #unasked: number
  #outstanding = 0
  /** Where to look next for a block nobody was asked for: those before are asked or received. */
  #cursor = 0
  /** The source that was asked last: it is the first choice for the rest of the piece, so that blame stays exact. */
  lastAsked = 0
  /** A web seed's run is in this piece. */
  inRun = false
  /** Clock time since when nobody could be asked for it, ms; the picker's mark, wiped when somebody sets to work. */
  idleSince: number | undefined

  constructor(piece: number, size: number, buffer: B, openedAt: number) {
    this.piece = piece
    this.size = size
    this.buffer = buffer
    this.openedAt = openedAt
    this.blockCount = Math.ceil(size / BLOCK_LENGTH)
    this.#state = new Uint8Array(this.blockCount)
    this.#asked = new Uint8Array(this.blockCount)
    this.#givers = new Uint32Array(this.blockCount)
    this.#writers = new Array<Writer | undefined>(this.blockCount)
    this.#unasked = this.blockCount
  }

  get full(): boolean {
    return this.#received + this.#padding === this.blockCount
  }

  /** Blocks that sources gave: padding is not counted. */
  get receivedCount(): number {
    return this.#received
  }

  /** Bytes of these blocks. */
  get receivedBytes(): number {
    const last = this.blockCount - 1
    const missing = this.#state[last] === RECEIVED ? this.blockCount * BLOCK_LENGTH - this.size : 0
    return this.#received * BLOCK_LENGTH - missing
  }

  /** Blocks that are neither received nor asked for. */
  get unasked(): number {
    return this.#unasked
  }

  /** Requests that peers have yet to answer. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** True while bytes are being written into it. */
  get beingWritten(): boolean {
    return this.#writing > 0
  }

  /** True for padding, too: the block is there. */
  isReceived(index: number): boolean {
    return this.#state[index]! >= RECEIVED
  }

  copiesAsked(index: number): number {
    return this.#asked[index]!
  }

  /** Index of the next block that nobody was asked for. */
  nextUnasked(): number | undefined {
    while (this.#cursor < this.blockCount) {
      if (this.#state[this.#cursor] === WANTED) return this.#cursor
      this.#cursor++
    }
    return undefined
  }

  /** Nobody is to be asked for the block: it is padding, which is zeros (BEP 47). To be called before all else. */
  pad(index: number): void {
    this.block(index).fill(0)
    this.#state[index] = PADDING
    this.#padding++
    this.#unasked--
  }

  /** A request for the block was sent. */
  ask(index: number): void {
    this.idleSince = undefined
    this.#asked[index]!++
    this.#outstanding++
    if (this.#state[index] !== WANTED) return
    this.#state[index] = ASKED
    this.#unasked--
  }

  /** A request for the block ended, answered or not. */
  unask(index: number): void {
    if (this.#asked[index] === 0) return
    this.#asked[index]!--
    this.#outstanding--
    if (this.#asked[index] === 0 && this.#state[index] === ASKED && this.#writers[index] === undefined)
      this.#want(index)
  }

  /** `writer` starts on the block: where its bytes go, or null when they are not needed. Detaches an earlier writer. */
  begin(index: number, writer: Writer): Uint8Array | null {
    if (this.isReceived(index)) return null
    this.idleSince = undefined
    const earlier = this.#writers[index]
    if (earlier === undefined) this.#writing++
    else earlier.destination = null
    this.#writers[index] = writer
    if (this.#state[index] === WANTED) {
      this.#state[index] = ASKED
      this.#unasked--
    }
    const from = index * BLOCK_LENGTH
    return this.buffer.bytes.subarray(from, Math.min(from + BLOCK_LENGTH, this.size))
  }

  /** `writer` has written all of the block. False when it had been detached, and the bytes do not count. */
  end(index: number, writer: Writer, giver: number): boolean {
    if (!this.#leave(index, writer)) return false
    this.#state[index] = RECEIVED
    this.#givers[index] = giver
    this.#received++
    return true
  }

  /** `writer` gives up in the middle of the block. */
  abandon(index: number, writer: Writer): void {
    if (!this.#leave(index, writer)) return
    writer.destination = null
    if (this.#asked[index] === 0) this.#want(index)
  }

  /** Nobody writes into the memory any more. To be called before the memory goes to anybody else. */
  detachAll(): void {
    if (this.#writing === 0) return
    for (const writer of this.#writers) if (writer !== undefined) writer.destination = null
    this.#writers.fill(undefined)
    this.#writing = 0
  }

  /** Who gave the block; 0 for padding. */
  giver(index: number): number {
    return this.#givers[index]!
  }

  /** All who gave blocks. */
  givers(): Set<number> {
    const givers = new Set(this.#givers)
    givers.delete(NOBODY)
    return givers
  }

  block(index: number): Uint8Array {
    const from = index * BLOCK_LENGTH
    return this.buffer.bytes.subarray(from, Math.min(from + BLOCK_LENGTH, this.size))
  }

  /** False when it does not write there. */
  #leave(index: number, writer: Writer): boolean {
    if (this.#writers[index] !== writer) return false
    this.#writers[index] = undefined
    this.#writing--
    return true
  }

  #want(index: number): void {
    this.#state[index] = WANTED
    this.#unasked++
    if (index < this.#cursor) this.#cursor = index
  }
}
