import type { TorrentLayout } from "../metainfo/layout.js"

/** Read from the disk at once: long enough for a disk to be quick, short enough not to read in vain (rain: 128 KiB). */
const EXTENT = 512 * 1024
/** Kept in all. */
const BUDGET = 16 * 1024 * 1024

interface CachedExtent {
  readonly bytes: Promise<Uint8Array>
  /** The same, once they are read. */
  loaded: Uint8Array | undefined
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

  /** The same at once, if it is in memory. */
  peek(piece: number, begin: number, length: number): Uint8Array | undefined {
    const offset = begin % EXTENT
    const key = this.#keyOf(piece, begin - offset)
    const extent = this.#extents.get(key)
    if (extent?.loaded === undefined || offset + length > EXTENT) return undefined
    this.#touch(key, extent)
    return extent.loaded.subarray(offset, offset + length)
  }

  /** Starts to read what will be asked for soon. */
  warm(piece: number, begin: number): void {
    void this.#extent(piece, begin - (begin % EXTENT))
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
    const key = this.#keyOf(piece, start)
    const kept = this.#extents.get(key)
    if (kept !== undefined) {
      this.#touch(key, kept)
      return kept.bytes
    }
    const length = Math.min(EXTENT, this.#layout.pieceSize(piece) - start)
    const extent: CachedExtent = { bytes: this.#fresh(piece, start, length), loaded: undefined, length }
    extent.bytes.then(
      (bytes) => (extent.loaded = bytes),
      () => this.#drop(key, extent),
    )
    this.#extents.set(key, extent)
    this.#size += length
    for (const [oldest, old] of this.#extents) {
      if (this.#size <= BUDGET) break
      this.#drop(oldest, old)
    }
    return extent.bytes
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
    this.#size -= extent.length
  }
}
