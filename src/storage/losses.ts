import { Bitfield } from "../bytes/bitfield.js"
import { DiskError } from "../ports/disk.js"
import { checkPieces } from "./check-pieces.js"
import { type DataFile, doubtfulStamp, sameStamp } from "./data-file.js"
import type { Journal } from "./journal.js"
import { type FileStamp, PieceState } from "./journal-state.js"
import { inParallel, PARALLEL_LOOKS } from "./parallel.js"
import type { StoreParts } from "./parts.js"
import { isGone, type LossListener } from "./verified-reader.js"
import type { WorkGate } from "./work-gate.js"

export interface LossesOptions {
  readonly parts: StoreParts
  /** Absent where nothing is ever written. */
  readonly journal: Journal | undefined
  readonly gate: WorkGate
  /** A piece that was claimed is not there any more. */
  readonly onLost: (piece: number) => void
  /** The journal can't be told. */
  readonly onFault: (error: unknown) => void
}

/** Keeps the books when what was verified is not there any more: somebody changed or removed files under our hands. */
export class Losses implements LossListener {
  readonly #options: LossesOptions
  /** A sync is about to begin. */
  #planned = false

  constructor(options: LossesOptions) {
    this.#options = options
  }

  onPieceLost(piece: number): void {
    const { parts, journal, onLost } = this.#options
    const { files, metainfo, platform, have } = parts
    if (!have.delete(piece)) return
    metainfo.layout.eachFileOfPiece(piece, (file) => void files.at(file).missing++)
    platform.log.log("warn", "storage", `piece ${piece} is no longer on the disk as it was verified`)
    journal?.setPiece(piece, PieceState.absent)
    this.#makeDurable()
    onLost(piece)
  }

  onFileGone(file: DataFile): void {
    const { parts, journal } = this.#options
    journal?.setStamp(file.index, undefined)
    parts.files.disown(file)
    const { first, end } = parts.metainfo.layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) this.onPieceLost(piece)
  }

  onFileDoubtful(file: DataFile): void {
    file.doubtful = true
    this.#options.journal?.setStamp(file.index, doubtfulStamp(file))
  }

  /** Pieces could not be written, as the disk said: some of their files may be gone, cut short, or come back. */
  async find(pieces: readonly number[], error: unknown): Promise<void> {
    if (!(error instanceof DiskError) || (error.failure !== "missing" && error.failure !== "exists")) return
    for (const file of this.#filesOf(pieces)) {
      // What stands where it was to be made may be what was taken away before: the next start looks at it.
      if (error.failure === "missing") await this.#lookAt(file)
      else if (file.place === "none" && file.partPath === error.path) await this.#sayAway(file)
    }
  }

  /** Looks at files again of which pieces could not be read: some may be gone or cut short. Nobody is writing to them. */
  async look(pieces: readonly number[]): Promise<void> {
    for (const file of this.#filesOf(pieces)) await this.#lookAt(file)
  }

  /**
   * Looks again at files that stood complete: what somebody removed of them, or changed, is missing from now on. One that
   * another took the place of is gone, unless it holds the same. Nobody is writing to them.
   */
  async lookAtComplete(files: Iterable<DataFile>, signal: AbortSignal | undefined): Promise<void> {
    const { parts, journal } = this.#options
    const changed: { readonly file: DataFile; readonly now: FileStamp }[] = []
    await inParallel(files, PARALLEL_LOOKS, async (file) => {
      if (file.place !== "final") return
      const now = await parts.files.stampNow(file).catch(() => file.stamp)
      if (now === undefined) this.onFileGone(file)
      else if (file.doubtful || file.stamp === undefined || !sameStamp(now, file.stamp)) changed.push({ file, now })
    })
    if (changed.length === 0) return
    const pieces = new Bitfield(parts.have.length)
    for (const { file } of changed) {
      // Another one may stand there by now than the one that is open.
      await parts.pool.forget(file.key)
      const { first, end } = parts.metainfo.layout.piecesOfFile(file.index)
      for (let piece = first; piece < end; piece++) if (parts.have.has(piece)) pieces.add(piece)
    }
    await checkPieces(parts, pieces, { signal }, (piece, found) => {
      if (found !== "right") this.onPieceLost(piece)
    })
    for (const { file, now } of changed) {
      if (now.inode !== file.inode && file.missing > 0) {
        this.onFileGone(file)
        continue
      }
      file.stamp = now
      file.inode = now.inode
      file.doubtful = false
      // The journal is told what it looks like when the store is closed.
      journal?.setStamp(file.index, undefined)
    }
  }

  #filesOf(pieces: readonly number[]): Set<DataFile> {
    const { files, metainfo } = this.#options.parts
    const all = new Set<DataFile>()
    for (const piece of pieces) metainfo.layout.eachFileOfPiece(piece, (file) => void all.add(files.at(file)))
    return all
  }

  async #lookAt(file: DataFile): Promise<void> {
    if (await isGone(file, this.#options.parts)) this.onFileGone(file)
    else if (file.place !== "none") await this.#findBeyondEnd(file)
  }

  /** At once: after such a fault the process may soon be ended. */
  async #sayAway(file: DataFile): Promise<void> {
    const { journal, onFault } = this.#options
    journal?.setAway(file.index)
    await journal?.flush().catch(onFault)
  }

  async #findBeyondEnd(file: DataFile): Promise<void> {
    const { files, metainfo } = this.#options.parts
    const now = await files.stampNow(file).catch(() => undefined)
    if (now === undefined) return
    const { first, end } = metainfo.layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) {
      const { fileOffset, length } = metainfo.layout.extentIn(piece, file.index)
      if (fileOffset + length > now.size) this.onPieceLost(piece)
    }
  }

  /** Nothing is written over a lost piece before the journal stopped claiming it. */
  #makeDurable(): void {
    const { journal, gate, onFault } = this.#options
    if (journal === undefined || this.#planned) return
    this.#planned = true
    const synced = Promise.resolve().then(() => {
      // All that is lost in one turn is told at once.
      this.#planned = false
      return journal.sync()
    })
    gate.shutFor(synced.catch(onFault))
  }
}
