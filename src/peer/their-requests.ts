import type { TorrentLayout } from "../metainfo/layout.js"
import { RequestTable } from "./request-table.js"

/** Requests that we say we take (`reqq`, BEP 10; Transmission: 500). */
export const ANNOUNCED_REQUEST_QUEUE = 500
/** Requests that we do take: some clients never look at `reqq`. */
const MAX_WAITING = 1000
/** A block of an allowed fast piece may be asked for so often while we choke (libtorrent and BEP 6: no endless service). */
const FAST_SERVICES = 3

/** A part of a piece that a peer asks for: where it begins in the piece, and bytes. */
export interface TheirRequest {
  readonly piece: number
  readonly begin: number
  readonly length: number
}

/** What a peer asked of us and has not got yet. */
export class TheirRequests {
  readonly #layout: TorrentLayout
  /** Offset in the torrent → length. */
  readonly #table = new RequestTable()
  /** Allowed fast piece → requests that it may still make while choked. */
  readonly #allowed = new Map<number, number>()

  constructor(layout: TorrentLayout) {
    this.#layout = layout
  }

  get size(): number {
    return this.#table.size
  }

  get full(): boolean {
    return this.#table.size >= MAX_WAITING
  }

  /** The peer may ask for the piece while we choke it. False when it may already. */
  allow(piece: number): boolean {
    if (this.#allowed.has(piece)) return false
    this.#allowed.set(piece, FAST_SERVICES * this.#layout.blockCount(piece))
    return true
  }

  /** The peer was allowed the piece, however often it has asked for it since. */
  isAllowed(piece: number): boolean {
    return this.#allowed.has(piece)
  }

  /** Counts a request of a choked peer. False when it is not allowed. */
  useAllowance(piece: number): boolean {
    const left = this.#allowed.get(piece)
    if (left === undefined || left === 0) return false
    this.#allowed.set(piece, left - 1)
    return true
  }

  /** False when this place was asked for already. */
  add(piece: number, begin: number, length: number): boolean {
    return this.#table.add(this.#layout.pieceOffset(piece) + begin, length)
  }

  /** The one that so many others are before. */
  at(place: number): TheirRequest | undefined {
    const key = this.#table.keyAt(place)
    return key === undefined ? undefined : this.#requestAt(key)
  }

  /** False when this very request is not waiting. */
  delete(piece: number, begin: number, length: number): boolean {
    const key = this.#layout.pieceOffset(piece) + begin
    if (this.#table.get(key) !== length) return false
    this.#table.delete(key)
    return true
  }

  /** Drops those for the pieces that `which` names. @returns them, oldest first */
  drop(which: (piece: number) => boolean): TheirRequest[] {
    const dropped: TheirRequest[] = []
    for (const key of this.#table.keys()) {
      const request = this.#requestAt(key)
      if (!which(request.piece)) continue
      this.#table.delete(key)
      dropped.push(request)
    }
    return dropped
  }

  #requestAt(key: number): TheirRequest {
    const piece = Math.floor(key / this.#layout.pieceLength)
    return { piece, begin: key - this.#layout.pieceOffset(piece), length: this.#table.get(key)! }
  }
}
