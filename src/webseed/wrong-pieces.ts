import type { TorrentLayout } from "../metainfo/layout.js"

/** Places with wrong bytes before the source is left alone. */
const MOST_PLACES = 3
/** Wrong pieces of one file before that file is taken for another one. */
const MOST_IN_FILE = 3
/** Times the same piece may be wrong: once can be the network's fault, which no checksum of TCP's notices. */
const MOST_OF_PIECE = 2
/** One wrong byte for so many that came is no reason to do without the rest: bits rot, single files are replaced. */
const TOLERATED = 16
/** Wrong pieces whose numbers are told. */
const MOST_NAMED = 10

/** What follows for a source from one more piece with a wrong hash. */
export type WrongPieceVerdict =
  | { readonly kind: "ask-again" }
  | { readonly kind: "lacks-piece" | "useless"; readonly reason: string }
  | { readonly kind: "lacks-file"; readonly file: number; readonly reason: string }

/**
 * Judges a source by the pieces of which it sent wrong bytes. On the servers where datasets lie single files get
 * replaced: wrong bytes in one place say little about others; in several, with few right ones beside them, they say enough.
 */
export class WrongPieces {
  readonly #layout: TorrentLayout
  readonly #severalFiles: boolean
  readonly #times = new Map<number, number>()
  /** Pieces of each place: a file of several, or a piece that more than one file has a part of. */
  readonly #places = new Map<string, Set<number>>()

  constructor(layout: TorrentLayout, severalFiles: boolean) {
    this.#layout = layout
    this.#severalFiles = severalFiles
  }

  /** Which they are, in a sentence; undefined when there is none. */
  get reason(): string | undefined {
    return this.#times.size === 0 ? undefined : reasonOf([...this.#times.keys()])
  }

  /** `brought`: bytes the source has brought in all. */
  add(piece: number, brought: number): WrongPieceVerdict {
    const times = (this.#times.get(piece) ?? 0) + 1
    this.#times.set(piece, times)
    const file = this.#fileOf(piece)
    const place = file === undefined ? `piece ${piece}` : `file ${file}`
    const there = this.#places.get(place) ?? new Set()
    this.#places.set(place, there.add(piece))
    const reason = reasonOf([...this.#times.keys()])
    if (this.#times.size * this.#layout.pieceLength * TOLERATED > brought) {
      if (this.#places.size >= MOST_PLACES) return { kind: "useless", reason }
      if (file !== undefined && there.size >= MOST_IN_FILE)
        return { kind: "lacks-file", file, reason: reasonOf([...there]) }
    }
    return times >= MOST_OF_PIECE ? { kind: "lacks-piece", reason } : { kind: "ask-again" }
  }

  /** The file that holds all of the piece, when there are others. */
  #fileOf(piece: number): number | undefined {
    if (!this.#severalFiles) return undefined
    const [first, second] = this.#layout.extentsOfPiece(piece)
    return second === undefined ? first?.file : undefined
  }
}

function reasonOf(pieces: readonly number[]): string {
  if (pieces.length === 1) return `the hash of piece ${pieces[0]} is wrong`
  const more = pieces.length > MOST_NAMED ? ` and ${pieces.length - MOST_NAMED} more` : ""
  return `the hashes of pieces ${pieces.slice(0, MOST_NAMED).join(", ")}${more} are wrong`
}
