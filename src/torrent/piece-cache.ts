import type { TorrentLayout } from "../metainfo/layout.js"

/** Read from the disk at once: long enough for a disk to be quick, short enough not to read in vain (rain: 128 KiB). */
const EXTENT = 512 * 1024
/** Kept in all. */
const BUDGET = 16 * 1024 * 1024

interface CachedExtent {
  readonly bytes: Promise<Uint8Array>
  readonly length: number
}

/**
 * Reads verified bytes for uploading in long extents, and keeps the latest: peers ask for block after block.
 * One read serves all who ask for the same extent meanwhile.
 */
export class PieceCache {
  readonly #layout: TorrentLayout
  readonly #read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  /** By piece × extents a piece + index; the last used is last. */
  readonly #extents = new Map<number, CachedExtent>()
  readonly #extentsPerPiece: number
  #size = 0

  constructor(layout: TorrentLayout, read: (piece: number, begin: number, into: Uint8Array) => Promise<void>) {
    this.#layout = layout
    this.#read = read
    this.#extentsPerPiece = Math.ceil(layout.pieceLength / EXTENT)
  }

  /** Bytes of a piece; a view that must not be written to. Rejects with what the store's read rejects with. */
  async get(piece: number, begin: number, length: number): Promise<Uint8Array> {
    const start = begin - (begin % EXTENT)
    if (begin + length > start + EXTENT) return this.#fresh(piece, begin, length)
    const bytes = await this.#extent(piece, start)
    return bytes.subarray(begin - start, begin - start + length)
  }

  /** Starts to read what will be asked for soon. */
  warm(piece: number, begin: number): void {
    // Whoever asks for it hears of a failure.
    this.#extent(piece, begin - (begin % EXTENT)).catch(() => {})
  }

  /** What is kept of a piece is not true any more. */
  forget(piece: number): void {
    for (const [key, extent] of this.#extents) {
      if (Math.floor(key / this.#extentsPerPiece) === piece) this.#drop(key, extent)
    }
  }

  async #fresh(piece: number, begin: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    await this.#read(piece, begin, bytes)
    return bytes
  }

  #extent(piece: number, start: number): Promise<Uint8Array> {
    const key = piece * this.#extentsPerPiece + start / EXTENT
    const kept = this.#extents.get(key)
    if (kept !== undefined) {
      this.#extents.delete(key)
      this.#extents.set(key, kept)
      return kept.bytes
    }
    const length = Math.min(EXTENT, this.#layout.pieceSize(piece) - start)
    const extent: CachedExtent = { bytes: this.#fresh(piece, start, length), length }
    extent.bytes.catch(() => this.#drop(key, extent))
    this.#extents.set(key, extent)
    this.#size += length
    for (const [oldest, old] of this.#extents) {
      if (this.#size <= BUDGET) break
      this.#drop(oldest, old)
    }
    return extent.bytes
  }

  #drop(key: number, extent: CachedExtent): void {
    if (this.#extents.get(key) !== extent) return
    this.#extents.delete(key)
    this.#size -= extent.length
  }
}
