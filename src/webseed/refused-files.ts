import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { MOST_DOUBTS } from "./presence.js"

/** Different files refused in a row before the server is suspected. */
const MOST_IN_A_ROW = 4
/** Milliseconds until a refused file is asked for again; doubled each time. */
const FIRST_WAIT = 30_000

/** What a refusal is about: the file this time, the file for good, or maybe all that the server has. */
export type RefusedPart = "file-now" | "file" | "maybe-all"

/**
 * Files that a server refuses while it gives others: each is left alone for a while, so that the others come at once. No file is
 * given up unless the server gave another one meanwhile: else it is the server that refuses.
 */
export class RefusedFiles {
  readonly #layout: TorrentLayout
  readonly #mostInARow: number
  readonly #times = new Map<number, number>()
  /** Those refused for the first time since the last one was given. */
  readonly #inARow = new Set<number>()
  /** Those left alone, and until when: clock milliseconds. */
  readonly #until = new Map<number, number>()
  /** The pieces of those. */
  #pieces: Bitfield
  #nextAt = Number.POSITIVE_INFINITY
  /** It has given something since files were last asked for again. */
  #isServing = false
  /** Those that may have been refused with all others, and their times. */
  #suspects: (readonly [file: number, times: number])[] = []

  constructor(layout: TorrentLayout, fileCount: number) {
    this.#layout = layout
    this.#mostInARow = Math.min(MOST_IN_A_ROW, fileCount)
    this.#pieces = new Bitfield(layout.pieceCount)
  }

  /** When the first of those left alone may be asked for again, clock ms; infinite when there is none. */
  get nextAt(): number {
    return this.#nextAt
  }

  /** Whether the file is left alone. O(1). */
  hasFile(file: number): boolean {
    return this.#until.has(file)
  }

  /** Whether a file that the piece lies in is left alone. O(1). */
  hasPiece(piece: number): boolean {
    return this.#pieces.has(piece)
  }

  /** `wasGiven`: it was there before, or a part of it. */
  refused(file: number, wasGiven: boolean, now: number): RefusedPart {
    // Several requests for the same file are one.
    if (this.#until.has(file)) return "file-now"
    const times = (this.#times.get(file) ?? 0) + 1
    this.#times.set(file, times)
    if (times === 1) this.#inARow.add(file)
    if (wasGiven || this.#inARow.size >= this.#mostInARow || (times > 1 && !this.#isServing)) {
      this.#suspect(file, now)
      return "maybe-all"
    }
    return this.#leaveAlone(file, times, now) ? "file-now" : "file"
  }

  /** After "maybe-all": the server gives others. Returns the files that are refused for good. */
  refusedAlone(now: number): number[] {
    this.#isServing = true
    const suspects = this.#suspects.splice(0)
    for (const [file, times] of suspects) this.#times.set(file, times)
    return suspects.filter(([file, times]) => !this.#leaveAlone(file, times, now)).map(([file]) => file)
  }

  /** The server gave a part of a file, or all of it. */
  given(file: number): void {
    this.#isServing = true
    this.#inARow.clear()
    this.#times.delete(file)
  }

  /** Lets those whose time has come be asked for again. True when there were any. */
  release(now: number): boolean {
    if (now < this.#nextAt) return false
    this.#isServing = false
    const left = [...this.#until].filter(([, until]) => until > now)
    this.#until.clear()
    this.#pieces = new Bitfield(this.#layout.pieceCount)
    this.#nextAt = Number.POSITIVE_INFINITY
    for (const [file, until] of left) this.#add(file, until)
    return true
  }

  /** False when it has been left alone often enough. */
  #leaveAlone(file: number, times: number, now: number): boolean {
    if (times > MOST_DOUBTS) return false
    this.#add(file, now + FIRST_WAIT * 2 ** (times - 1))
    return true
  }

  #add(file: number, until: number): void {
    this.#until.set(file, until)
    this.#nextAt = Math.min(this.#nextAt, until)
    const { first, end } = this.#layout.piecesOfFile(file)
    for (let piece = first; piece < end; piece++) this.#pieces.add(piece)
  }

  /** Unless it turns out that they are refused alone, they are asked for again when the server is, as if for the first time. */
  #suspect(file: number, now: number): void {
    this.#suspects = [...this.#inARow.add(file)].map((each) => [each, this.#times.get(each)!])
    for (const [each] of this.#suspects) {
      this.#times.delete(each)
      if (this.#until.has(each)) this.#add(each, now)
    }
    this.#inARow.clear()
  }
}
