import type { TorrentLayout } from "../../metainfo/layout.js"
import type { ReadCredit } from "./read-credit.js"

/** Read from the disk at once: long enough for a disk to be quick, short enough not to read in vain (rain: 128 KiB). */
const EXTENT = 512 * 1024
/** Kept in all, but for what is on its way to peers. */
const BUDGET = 16 * 1024 * 1024
/** Kept in all, with what is on its way: each of sixty slow peers holds up two extents. */
const MOST = 64 * 1024 * 1024
/** Bytes being read from the disk, from which on nothing is read ahead: a disk is busy with less. */
const MAX_READING = 16 * 1024 * 1024

/** Bytes of a piece, lent: valid, and not to be written to, until they are given back. */
export interface Loan {
  readonly bytes: Uint8Array
  readonly giveBack: () => void
}

/**
 * Reads verified bytes for uploading in long extents, and keeps the latest: peers ask for block after block.
 * One read serves all who ask for the same extent meanwhile. An extent that is lent is not let go of, and one that is let
 * go of leaves its memory to the next: fresh memory costs as much as reading into it. If too much is lent, or whoever asks
 * has no credit for an extent, no more is read than was asked for, and it is not kept.
 */
export class PieceCache {
  readonly #layout: TorrentLayout
  readonly #read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  /** By piece × extents a piece + index; the last used is last. */
  readonly #extents = new Map<number, CachedExtent>()
  readonly #extentsPerPiece: number
  /** Of the extent that was let go of last. */
  #spare: Uint8Array | undefined
  #size = 0
  /** Bytes that the disk is asked for now. */
  #reading = 0

  constructor(layout: TorrentLayout, read: (piece: number, begin: number, into: Uint8Array) => Promise<void>) {
    this.#layout = layout
    this.#read = read
    this.#extentsPerPiece = Math.ceil(layout.pieceLength / EXTENT)
  }

  /** Bytes of a piece, zeros beyond its end. Rejects with what the store's read rejects with. */
  async get(piece: number, begin: number, length: number, credit: ReadCredit): Promise<Loan> {
    const offset = begin % EXTENT
    const there = this.#layout.pieceSize(piece) - begin
    const within = offset + length <= EXTENT && length <= there
    const extent = within ? this.#extent(piece, begin - offset, credit) : undefined
    if (extent === undefined) {
      const bytes = new Uint8Array(length)
      await this.#read(piece, begin, bytes.subarray(0, Math.min(length, there)))
      return { bytes, giveBack: () => {} }
    }
    extent.users++
    try {
      await extent.ready
    } catch (error) {
      extent.users--
      throw error
    }
    return { bytes: extent.bytes.subarray(offset, offset + length), giveBack: extent.giveBack }
  }

  /** The same at once, if it is in memory. */
  peek(piece: number, begin: number, length: number): Loan | undefined {
    const offset = begin % EXTENT
    const key = this.#keyOf(piece, begin - offset)
    const extent = this.#extents.get(key)
    if (extent === undefined || !extent.loaded || offset + length > extent.bytes.length) return undefined
    this.#touch(key, extent)
    extent.users++
    return { bytes: extent.bytes.subarray(offset, offset + length), giveBack: extent.giveBack }
  }

  /** Starts to read what will be asked for soon, unless much is being read already. */
  warm(piece: number, begin: number, credit: ReadCredit): void {
    if (this.#reading < MAX_READING) this.#extent(piece, begin - (begin % EXTENT), credit)
  }

  /** What is kept of a piece is not true any more. */
  forget(piece: number): void {
    for (const [key, extent] of this.#extents) {
      if (Math.floor(key / this.#extentsPerPiece) === piece) this.#drop(key, extent)
    }
  }

  /** Undefined: it is not there, and not to be read. */
  #extent(piece: number, start: number, credit: ReadCredit): CachedExtent | undefined {
    const key = this.#keyOf(piece, start)
    const kept = this.#extents.get(key)
    if (kept !== undefined) {
      this.#touch(key, kept)
      return kept
    }
    const length = Math.min(EXTENT, this.#layout.pieceSize(piece) - start)
    if (credit.left < length || !this.#makeRoom(length)) return undefined
    credit.spend(length)
    const memory = this.#spare ?? new Uint8Array(Math.min(EXTENT, this.#layout.pieceLength))
    this.#spare = undefined
    const extent = new CachedExtent(memory, length)
    this.#extents.set(key, extent)
    this.#size += length
    this.#reading += length
    extent.ready = this.#read(piece, start, extent.bytes)
    extent.ready.then(
      () => {
        this.#reading -= length
        extent.loaded = true
        extent.users--
      },
      // Whoever asked hears of it. What a failed read still writes must not fall into another extent.
      () => {
        this.#reading -= length
        this.#drop(key, extent)
      },
    )
    return extent
  }

  /** Lets go of those used longest ago that nobody uses. False: too much is in use. */
  #makeRoom(length: number): boolean {
    for (const [key, extent] of this.#extents) {
      if (this.#size + length <= BUDGET) break
      if (extent.users > 0) continue
      this.#drop(key, extent)
      this.#spare = extent.memory
    }
    return this.#size + length <= MOST
  }

  #keyOf(piece: number, start: number): number {
    return piece * this.#extentsPerPiece + start / EXTENT
  }

  /** It was used last. */
  #touch(key: number, extent: CachedExtent): void {
    this.#extents.delete(key)
    this.#extents.set(key, extent)
  }

  #drop(key: number, extent: CachedExtent): void {
    if (this.#extents.get(key) !== extent) return
    this.#extents.delete(key)
    this.#size -= extent.bytes.length
  }
}

class CachedExtent {
  readonly memory: Uint8Array
  readonly bytes: Uint8Array
  ready = Promise.resolve()
  loaded = false
  /** Those who wait for it or were lent some of it, and its read. */
  users = 1
  readonly giveBack = (): void => {
    this.users--
  }

  constructor(memory: Uint8Array, length: number) {
    this.memory = memory
    this.bytes = memory.subarray(0, length)
  }
}
