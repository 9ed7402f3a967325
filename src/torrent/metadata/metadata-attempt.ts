import { METADATA_PIECE_LENGTH, metadataPieceCount } from "../../wire/metadata-message.js"

/** Peers of which one piece is asked at a time: the second when there is nothing else to ask. */
const MAX_ASKERS = 2

/** Metadata of one size being put together, by all who say that it has this size, or by one of them alone. */
export class MetadataAttempt<Peer> {
  /** Bytes, as the givers say. */
  readonly size: number
  /** Clock ms. */
  readonly began: number
  /** Who gave a piece. */
  readonly givers = new Set<Peer>()
  readonly #pieces: (Uint8Array | undefined)[]
  /** For each piece, of how many peers it is asked. */
  readonly #askers: Uint8Array
  #missing: number
  /** Bytes of memory. Taken as pieces come: a size alone reserves little. */
  held = 0

  constructor(size: number, now: number) {
    const count = metadataPieceCount(size)
    this.size = size
    this.began = now
    this.#pieces = new Array<Uint8Array | undefined>(count)
    this.#askers = new Uint8Array(count)
    this.#missing = count
  }

  get pieceCount(): number {
    return this.#pieces.length
  }

  get received(): number {
    return this.#pieces.length - this.#missing
  }

  get complete(): boolean {
    return this.#missing === 0
  }

  /** The piece to ask somebody for who is not asked for any of `asked`; undefined when there is none. */
  next(asked: ReadonlyMap<number, number>): number | undefined {
    for (let askers = 0; askers < MAX_ASKERS; askers++) {
      for (let piece = 0; piece < this.#pieces.length; piece++) {
        if (this.#askers[piece] === askers && this.#pieces[piece] === undefined && !asked.has(piece)) return piece
      }
    }
    return undefined
  }

  asked(piece: number): void {
    this.#askers[piece]!++
  }

  unasked(piece: number): void {
    this.#askers[piece]!--
  }

  /** Takes a piece, which must have its right length; the bytes are copied. */
  take(piece: number, bytes: Uint8Array, giver: Peer): void {
    if (this.#pieces[piece] !== undefined) return
    this.#pieces[piece] = bytes.slice()
    this.givers.add(giver)
    this.held += bytes.length
    this.#missing--
  }

  /** All of it. To be asked for when it is complete. */
  join(): Uint8Array {
    const whole = new Uint8Array(this.size)
    for (const [index, piece] of this.#pieces.entries()) {
      if (piece !== undefined) whole.set(piece, index * METADATA_PIECE_LENGTH)
    }
    return whole
  }
}
