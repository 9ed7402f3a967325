import type { JournalEncoder } from "./journal-format.js"
import { type JournalState, PieceState } from "./journal-state.js"

/** What was set in a journal and is not in its file yet: which pieces and files, by number. */
export class JournalChanges {
  pieces = new Set<number>()
  files = new Set<number>()
  stamps = new Set<number>()

  get any(): boolean {
    return this.pieces.size > 0 || this.ofFiles
  }

  get ofFiles(): boolean {
    return this.files.size > 0 || this.stamps.size > 0
  }

  /** All of them, which are none of these any more. */
  take(): JournalChanges {
    const taken = new JournalChanges()
    for (const kind of ["pieces", "files", "stamps"] as const) [taken[kind], this[kind]] = [this[kind], taken[kind]]
    return taken
  }

  add({ pieces, files, stamps }: JournalChanges): void {
    for (const piece of pieces) this.pieces.add(piece)
    for (const file of files) this.files.add(file)
    for (const file of stamps) this.stamps.add(file)
  }

  /** Writes them as they are in `state` now. */
  encode(encoder: JournalEncoder, state: JournalState): void {
    const pieces = [...this.pieces].sort((a, b) => a - b)
    const encodePieces = (now: PieceState): void =>
      encoder.pieces(
        now,
        pieces.filter((piece) => state.pieces[piece] === now),
      )
    // No beginning of one append, too, may say more than is true, or a piece without the file it lies in: losses first,
    // then files, then what was gained.
    encodePieces(PieceState.absent)
    encodePieces(PieceState.begun)
    const files = [...this.files].sort((a, b) => a - b)
    const encodeFiles = (ours: boolean, home: boolean): void =>
      encoder.files(
        { ours, home },
        files.filter((file) => state.ours.has(file) === ours && state.home.has(file) === home),
      )
    encodeFiles(false, false)
    encodeFiles(true, false)
    encodeFiles(true, true)
    encodePieces(PieceState.written)
    encodePieces(PieceState.done)
    encoder.stamps([...this.stamps].map((file) => [file, state.stamps.get(file)]))
  }
}
