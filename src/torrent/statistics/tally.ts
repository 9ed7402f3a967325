import type { Bitfield } from "../../bytes/bitfield.js"
import type { TorrentLayout } from "../../metainfo/layout.js"

/** Counts what is there of the torrent, and of the selected files, as pieces come and go. */
export class Tally {
  /** Pieces that the selected files need, and their bytes, without padding. */
  totalPieces = 0
  totalBytes = 0
  /** Those of them that are there. */
  donePieces = 0
  doneBytes = 0
  readonly #layout: TorrentLayout
  readonly #have: Bitfield
  #wanted: Bitfield
  #bytesThere = 0

  /** `have` is only read, by {@link select}. */
  constructor(layout: TorrentLayout, have: Bitfield, wanted: Bitfield) {
    this.#layout = layout
    this.#have = have
    this.#wanted = wanted
    this.select(wanted)
  }

  /** Bytes of all files that are not there, selected or not: what trackers call `left`. */
  get bytesLacking(): number {
    return this.#layout.dataLength - this.#bytesThere
  }

  /** Another selection: counts all anew. */
  select(wanted: Bitfield): void {
    this.#wanted = wanted
    this.totalPieces = wanted.count
    this.totalBytes = this.#layout.dataSizeOf(wanted)
    this.donePieces = 0
    this.doneBytes = 0
    this.#bytesThere = 0
    for (const piece of this.#have) this.stored(piece)
  }

  /** We have one more piece. */
  stored(piece: number): void {
    this.#count(piece, 1)
  }

  /** We have one piece less. */
  lost(piece: number): void {
    this.#count(piece, -1)
  }

  #count(piece: number, by: 1 | -1): void {
    const size = this.#layout.dataSize(piece)
    this.#bytesThere += by * size
    if (!this.#wanted.has(piece)) return
    this.donePieces += by
    this.doneBytes += by * size
  }
}
