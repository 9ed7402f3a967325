import { Bitfield } from "../bytes/bitfield.js"
import type { DataFile } from "./data-file.js"
import { PieceState } from "./journal-state.js"
import type { WritingParts } from "./parts.js"
import type { FoundFile } from "./resume.js"

export interface CheckRecordOptions {
  /** How the files that were looked at stand against the journal. */
  readonly states: ReadonlyMap<DataFile, FoundFile>
  /** Hears that something is about to be recorded, once. */
  readonly onFirst: () => void
}

/**
 * Tells the journal what a check finds while it goes on: hashing terabytes takes hours, and whatever ends it, the next check
 * shall go on from there. What is found becomes durable as what is downloaded does.
 */
export class CheckRecord {
  /** Pieces that the journal was told of. */
  readonly right: Bitfield
  readonly #parts: WritingParts
  readonly #options: CheckRecordOptions
  /** Indexes of the files of which pieces are recorded. */
  readonly #claimable: ReadonlySet<number>
  #hasBegun = false

  /** `looked`: the files that were looked at. */
  constructor(parts: WritingParts, looked: readonly DataFile[], options: CheckRecordOptions) {
    this.#parts = parts
    this.#options = options
    this.right = new Bitfield(parts.metainfo.layout.pieceCount)
    // Before any piece is claimed: that changes what the journal says of its files.
    this.#claimable = new Set(looked.filter((file) => this.#isClaimable(file)).map(({ index }) => index))
  }

  /** The piece is as the torrent has it. */
  onRight(piece: number): void {
    const { journal, durability, files, metainfo } = this.#parts
    if (journal.state.pieces[piece] === PieceState.done) return
    const indexes: number[] = []
    metainfo.layout.eachFileOfPiece(piece, (index) => indexes.push(index))
    if (!indexes.every((index) => this.#claimable.has(index))) return
    this.#begin()
    journal.setPiece(piece, PieceState.written)
    for (const index of indexes) {
      journal.setHome(index)
      journal.setStamp(index, files.at(index).stamp)
    }
    durability.found(piece)
    this.right.add(piece)
  }

  /**
   * The piece is not as the torrent has it. Of a file that somebody wrote to since, the next check finds that by itself; if
   * instead the file that the journal knows comes back, what is said of it holds again.
   */
  onWrong(piece: number): void {
    const { journal, durability, files, metainfo } = this.#parts
    if (journal.state.pieces[piece] === PieceState.absent) return
    let isAsKnown = true
    metainfo.layout.eachFileOfPiece(piece, (index) => {
      const state = this.#options.states.get(files.at(index))
      if (state === "changed" || state === "missing") isAsKnown = false
    })
    if (!isAsKnown) return
    this.#begin()
    journal.setPiece(piece, PieceState.absent)
    durability.unclaimed()
  }

  /** Nothing that was claimed is believed any more, until it is found to be right; also by the next check. */
  onDistrust(): void {
    const { journal, durability } = this.#parts
    this.#begin()
    for (const [piece, state] of journal.state.pieces.entries()) {
      if (state === PieceState.done) journal.setPiece(piece, PieceState.written)
    }
    durability.unclaimed()
  }

  #begin(): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#options.onFirst()
  }

  /**
   * The next check hashes whatever is not claimed of what stands under its final name. But what is claimed it would believe, if
   * the stamp said that this is how it is: not of a file that was written to since, or put there.
   */
  #isClaimable(file: DataFile): boolean {
    if (file.place !== "final") return false
    return this.#options.states.get(file) === "equal" || !this.#isClaimed(file)
  }

  #isClaimed(file: DataFile): boolean {
    const { metainfo, journal } = this.#parts
    const { first, end } = metainfo.layout.piecesOfFile(file.index)
    return journal.state.pieces.subarray(first, end).some((state) => state !== PieceState.absent)
  }
}
