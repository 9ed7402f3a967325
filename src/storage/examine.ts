import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { CheckRecord } from "./check-record.js"
import type { DataFile } from "./data-file.js"
import { hashOnDisk } from "./disk-hashing.js"
import { PieceState } from "./journal-state.js"
import type { FilesFound, LookOptions } from "./look-at-files.js"
import type { CheckOptions, WritingParts } from "./parts.js"
import { digestingOf, isExpected } from "./piece-digests.js"
import { hashPieces } from "./piece-hashing.js"
import type { FoundFile, ResumeDecision } from "./resume.js"

export interface ExamineOptions extends CheckOptions, LookOptions {
  /** `always`: nothing is believed unread. */
  readonly verify: "auto" | "always"
  /**
   * Present where the journal is told what is found while the check goes on, for the next one if this is stopped or killed.
   * Called before the first of it, at most once.
   */
  readonly onFirstFound?: (() => void) | undefined
  /** What is believed, now that it is known how the files stand. */
  readonly decide: (found: (file: number) => FoundFile) => ResumeDecision
}

/** Finds out which pieces are there: hashes what is not to be believed unread. Tells the journal of those that hash right. */
export class Examination {
  readonly #parts: WritingParts
  readonly #files: readonly DataFile[]
  readonly #options: ExamineOptions
  readonly #layout: TorrentLayout
  readonly #found: FilesFound
  readonly #checkedBytes = { done: 0, total: 0 }

  /** `files` were looked at, and stand as `found` says. */
  constructor(parts: WritingParts, files: readonly DataFile[], found: FilesFound, options: ExamineOptions) {
    this.#parts = parts
    this.#files = files
    this.#found = found
    this.#options = options
    this.#layout = parts.metainfo.layout
  }

  /** The pieces that are verified, or believed. */
  async run(): Promise<Bitfield> {
    const { journal, files } = this.#parts
    const decision = this.#options.decide((index) => this.#found.states.get(files.at(index)) ?? "missing")
    const { trusted, check } = decision
    const had = this.#parts.have.copy()
    for (const piece of this.#claimsWithoutBytes()) {
      trusted.delete(piece)
      check.delete(piece)
    }
    const doubted = check.copy()
    const record = this.#record()
    const distrustAll = (): void => {
      for (let piece = 0; piece < journal.state.pieces.length; piece++) {
        if (journal.state.pieces[piece] !== PieceState.absent) check.add(piece)
      }
      trusted.clear()
    }
    if (this.#options.verify === "always") distrustAll()
    for (const file of this.#files) if (this.#isUnknown(file)) addPieces(this.#layout, file, check, trusted)
    this.#dropUnavailable(check)
    this.#checkedBytes.total = this.#layout.dataSizeOf(check) + this.#layout.dataSizeOf(decision.sample)
    if (decision.sample.count > 0 && this.#options.verify !== "always") {
      const right = new Bitfield(check.length)
      await this.#check(decision.sample, right)
      if (right.count < decision.sample.count) {
        distrustAll()
        record?.onDistrust()
        this.#dropUnavailable(check)
        this.#checkedBytes.total = this.#checkedBytes.done + this.#layout.dataSizeOf(check)
      }
    }
    const right = new Bitfield(check.length)
    await this.#check(check, right, record)
    // Lost meanwhile: somebody who read them found out.
    for (const piece of had) {
      if (this.#parts.have.has(piece)) continue
      trusted.delete(piece)
      right.delete(piece)
    }
    for (const piece of right) if (record?.right.has(piece) !== true) this.#tellRight(piece, doubted.has(piece))
    for (const piece of trusted) {
      right.add(piece)
      if (journal.state.pieces[piece] === PieceState.written) this.#parts.durability.leftOver(piece)
    }
    return right
  }

  #tellRight(piece: number, wasDoubted: boolean): void {
    const { journal, durability } = this.#parts
    if (journal.state.pieces[piece] === PieceState.done && !wasDoubted) return
    journal.setPiece(piece, PieceState.written)
    durability.found(piece)
  }

  /** Bytes stand there of which the journal does not know what they are. */
  #isUnknown(file: DataFile): boolean {
    if (file.place === "none" || file.length === 0 || !file.selected) return false
    const { home, stamps } = this.#parts.journal.state
    const isKnown = home.has(file.index) && (this.#found.owned.has(file) || stamps.has(file.index))
    return !isKnown || file.place === "final" || this.#options.verify === "always"
  }

  /** Claimed pieces with bytes of a file that is neither at its place nor in `edges/`. */
  #claimsWithoutBytes(): number[] {
    const { journal, files } = this.#parts
    const without: number[] = []
    for (const file of files.all) {
      if (file === undefined || file.length === 0 || journal.state.home.has(file.index)) continue
      const { first, end } = this.#layout.piecesOfFile(file.index)
      for (let piece = first; piece < end; piece++) {
        if (journal.state.pieces[piece] === PieceState.absent) continue
        if (file.selected || !files.edges!.pieces.has(piece)) without.push(piece)
      }
    }
    return without
  }

  #dropUnavailable(check: Bitfield): void {
    const { files } = this.#parts
    for (const file of files.all) {
      if (file === undefined || file.length === 0 || file.place !== "none") continue
      const { first, end } = this.#layout.piecesOfFile(file.index)
      for (let piece = first; piece < end; piece++) {
        if (file.selected || !files.edges!.pieces.has(piece)) check.delete(piece)
      }
    }
  }

  #record(): CheckRecord | undefined {
    const { onFirstFound: onFirst } = this.#options
    const { states, neighbours } = this.#found
    return onFirst && new CheckRecord(this.#parts, [...this.#files, ...neighbours], { states, onFirst })
  }

  /** Adds those that hash right to `right`. */
  async #check(pieces: Bitfield, right: Bitfield, record?: CheckRecord): Promise<void> {
    const { metainfo, platform, files, journal } = this.#parts
    const { signal, onChecking } = this.#options
    const count = this.#checkedBytes
    if (pieces.count > 0) onChecking?.(count.done, count.total)
    const digesting = digestingOf(metainfo, platform.hasher)
    const isRight = (piece: number, digest: Uint8Array | undefined): boolean =>
      digest !== undefined && isExpected(metainfo, digesting, piece, digest)
    const common = {
      ...digesting,
      read: (offset: number, into: Uint8Array) => files.readSpan(offset, into),
      onProgress: (bytes: number) => {
        count.done += bytes
        onChecking?.(count.done, count.total)
      },
      signal,
    }
    const begun = new Bitfield(pieces.length)
    const others = new Bitfield(pieces.length)
    for (const piece of pieces) (journal.state.pieces[piece] === PieceState.begun ? begun : others).add(piece)
    await hashPieces({
      ...common,
      pieces: begun,
      onPiece: async (piece, digest, bytes) => {
        if (!isRight(piece, digest)) return
        await this.#writeAgain(piece, bytes)
        right.add(piece)
      },
    })
    await hashOnDisk({
      ...common,
      files,
      pieces: others,
      onPiece: (piece, digest) => {
        if (isRight(piece, digest)) {
          right.add(piece)
          record?.onRight(piece)
        } else if (digest !== undefined) {
          record?.onWrong(piece)
        }
      },
    })
  }

  /**
   * A piece that was only begun may look right because it is still in the system's memory, after a sync that failed:
   * only writing it once more brings it to the disk.
   */
  async #writeAgain(piece: number, bytes: Uint8Array): Promise<void> {
    const { files, journal } = this.#parts
    const extents = this.#layout.extentsOfPiece(piece)
    for (const { file: index } of extents) {
      const file = files.at(index)
      if (file.inEdges) continue
      if (this.#options.overwrite && this.#found.hasTail(file)) file.replaces = "anything"
      file.stamp = undefined
      journal.setStamp(index, undefined)
    }
    await journal.flush()
    await files.writePieces([{ piece, bytes, extents }])
  }
}

/** Those of the file's pieces that are not believed. */
function addPieces(layout: TorrentLayout, file: DataFile, check: Bitfield, trusted: Bitfield): void {
  const { first, end } = layout.piecesOfFile(file.index)
  for (let piece = first; piece < end; piece++) if (!trusted.has(piece)) check.add(piece)
}
