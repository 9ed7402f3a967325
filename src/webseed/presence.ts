import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"

/** Times a file that has been there is looked for again, 15 minutes in all, before it is taken for gone. */
export const MOST_DOUBTS = 5

/** Which files and pieces a source has, as far as it is known. */
export class Presence {
  readonly #layout: TorrentLayout
  /** Files to be had at all: neither empty nor padding. */
  readonly #fileCount: number
  /** Files for which a request brought what it asked for. */
  readonly #given: Bitfield
  readonly #missing = new Set<number>()
  /** How often a file was not there, and its server was blamed for it. */
  readonly #doubts = new Map<number, number>()
  /** Pieces that it does not have, or not right; made at the first one. */
  #lacking: Bitfield | undefined

  constructor(layout: TorrentLayout, fileCount: number) {
    this.#layout = layout
    this.#fileCount = fileCount
    this.#given = new Bitfield(layout.files.length)
  }

  /** O(1). */
  hasPiece(piece: number): boolean {
    return this.#lacking === undefined || !this.#lacking.has(piece)
  }

  hasFile(file: number): boolean {
    return !this.#missing.has(file)
  }

  /** Files that are missing. */
  get missingFiles(): number {
    return this.#missing.size
  }

  /** It has none of the torrent's files. */
  get isEmpty(): boolean {
    return this.#missing.size === this.#fileCount || this.#lacking?.complete === true
  }

  /** A request for it, or for a part of it, has brought something. */
  wasGiven(file: number): boolean {
    return this.#given.has(file)
  }

  /** Another one that was. O(files). */
  givenBeside(file: number): number | undefined {
    for (let other = 0; other < this.#given.length; other++)
      if (other !== file && this.#given.has(other) && !this.#missing.has(other)) return other
    return undefined
  }

  /** A request for a part of the file, or all of it, brought what it asked for. */
  fileGiven(file: number): void {
    this.#given.add(file)
    this.#doubts.delete(file)
  }

  /**
   * The file was not there, this time. True when it seems that the server and not the file is what is wrong: the file has been
   * there before, or a page came in its place where this server gives parts (`page`: a wall that wants a login, an apology).
   * Of one file alone for ever, else for a number of times.
   */
  isDoubtful(file: number, page: boolean): boolean {
    if (!page && !this.#given.has(file)) return false
    const doubts = (this.#doubts.get(file) ?? 0) + 1
    this.#doubts.set(file, doubts)
    return this.#fileCount === 1 || doubts <= MOST_DOUBTS
  }

  fileMissing(file: number): void {
    this.#missing.add(file)
    const { first, end } = this.#layout.piecesOfFile(file)
    for (let piece = first; piece < end; piece++) this.pieceMissing(piece)
  }

  pieceMissing(piece: number): void {
    this.#lacking ??= new Bitfield(this.#layout.pieceCount)
    this.#lacking.add(piece)
  }
}
