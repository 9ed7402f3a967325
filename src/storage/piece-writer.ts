import type { AtError } from "../errors.js"
import { diskFault } from "./disk-fault.js"
import { PieceState } from "./journal-state.js"
import { inParallel } from "./parallel.js"
import { expectedDigest, sameBytes, type WritingParts } from "./parts.js"
import type { Slot } from "./slots.js"

/** What became of a piece. After `corrupt` and `failed` it is missing, and may be committed again. */
export type CommitOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "corrupt" }
  | { readonly kind: "failed"; readonly error: AtError }

const STORED: CommitOutcome = { kind: "stored" }
const CORRUPT: CommitOutcome = { kind: "corrupt" }
/** Files given their names at a time. */
const PARALLEL_FILES = 16

/** The way of a piece from its slot into the files, and what is left of it when a sync fails. */
export class PieceWriter {
  readonly #parts: WritingParts
  readonly #onTakenBack: (piece: number) => void
  #fault: AtError | undefined
  /** The journal is being told of the fault. */
  #distrusting: Promise<void> = Promise.resolve()

  /** `onTakenBack` hears of pieces that are in the files and not to be relied on. */
  constructor(parts: WritingParts, onTakenBack: (piece: number) => void) {
    this.#parts = parts
    this.#onTakenBack = onTakenBack
  }

  /** Why nothing is written any more. */
  get fault(): AtError | undefined {
    return this.#fault
  }

  /** Rejects with what the disk said. When it settles, nothing reads the slot any more. */
  async write(piece: number, slot: Slot): Promise<CommitOutcome> {
    const { journal, durability, files, metainfo, platform, have } = this.#parts
    if (this.#fault !== undefined) throw this.#fault
    if (have.has(piece)) {
      await this.#finishFiles(piece)
      return STORED
    }
    const bytes = slot.bytes.subarray(0, metainfo.layout.pieceSize(piece))
    const begun = this.#begin(piece)
    // Both have ended when this goes on: the slot must not be read any more when the commit has failed.
    begun.catch(() => {})
    const digest = await platform.hasher.hashPiece("sha1", bytes)
    await begun
    if (!sameBytes(digest, expectedDigest(metainfo, piece))) return CORRUPT
    await files.writePiece(piece, bytes)
    await this.#record(piece)
    have.add(piece)
    durability.written(piece)
    for (const { file: index } of metainfo.layout.extentsOfPiece(piece)) {
      const file = files.at(index)
      file.missing--
      if (file.provisional) journal.setHome(index)
    }
    await this.#finishFiles(piece)
    return STORED
  }

  /** A sync failed: what was not durable before is not to be relied on, now or at the next start. */
  onFault(error: unknown): void {
    if (this.#fault !== undefined) return
    const { durability, metainfo, files, have, platform } = this.#parts
    this.#fault = diskFault(error)
    platform.log.log("warn", "storage", `a sync failed: ${this.#fault.message}`)
    const pieces = durability.stop(error)
    this.#distrusting = this.#distrust(pieces)
    for (const piece of pieces) {
      if (!have.delete(piece)) continue
      for (const { file } of metainfo.layout.extentsOfPiece(piece)) files.at(file).missing++
      this.#onTakenBack(piece)
    }
  }

  /** The journal knows of the fault, if there was one. */
  async settled(): Promise<void> {
    await this.#distrusting
  }

  /** Tells the journal what is about to be written, before it is. */
  #begin(piece: number): Promise<void> {
    const { journal, files, metainfo } = this.#parts
    journal.setPiece(piece, PieceState.begun)
    for (const { file: index } of metainfo.layout.extentsOfPiece(piece)) {
      const file = files.at(index)
      if (file.provisional) continue
      if (files.inEdges(file)) {
        journal.setAway(index)
        continue
      }
      journal.setHome(index)
      file.stamp = undefined
      if (!file.doubtful) journal.setStamp(index, undefined)
    }
    return journal.flush()
  }

  async #record(piece: number): Promise<void> {
    const { journal } = this.#parts
    if (this.#fault === undefined) {
      journal.setPiece(piece, PieceState.written)
      await journal.flush()
    }
    if (this.#fault === undefined) return
    // A sync failed meanwhile: this piece may be among what was dropped.
    await this.#distrust([piece])
    throw this.#fault
  }

  /** Gives files that the piece made complete their final names. */
  async #finishFiles(piece: number): Promise<void> {
    const { journal, files, metainfo } = this.#parts
    const complete = metainfo.layout
      .extentsOfPiece(piece)
      .map(({ file }) => files.at(file))
      .filter((file) => file.missing === 0 && (file.place === "part" || file.provisional))
    await inParallel(complete, PARALLEL_FILES, async (file) => {
      await files.finish(file)
      if (!file.doubtful) journal.setStamp(file.index, file.stamp)
    })
  }

  async #distrust(pieces: readonly number[]): Promise<void> {
    const { journal, platform } = this.#parts
    for (const piece of pieces) journal.setPiece(piece, PieceState.begun)
    try {
      await journal.sync()
    } catch {
      // If not even that can be done, there is nothing left to keep.
      await journal.discard().catch((error: unknown) => {
        platform.log.log("warn", "storage", `the journal can't be removed: ${String(error)}`)
      })
    }
  }
}
