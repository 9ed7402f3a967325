import type { AtError } from "../errors.js"
import { DiskError } from "../ports/disk.js"
import type { Stored } from "../ports/hasher.js"
import type { CommitMeter } from "./commit-meter.js"
import type { Commit, CommitOutcome } from "./commit-queue.js"
import type { DataFile } from "./data-file.js"
import { diskFault } from "./disk-fault.js"
import type { PieceBytes } from "./file-writer.js"
import { PieceState } from "./journal-state.js"
import type { WritingParts } from "./parts.js"
import { type Digesting, digestingOf, digestPieces, isExpected, SHA1_LENGTH } from "./piece-digests.js"

const STORED: CommitOutcome = { kind: "stored" }
const CORRUPT: CommitOutcome = { kind: "corrupt" }

interface Full extends PieceBytes {
  readonly commit: Commit
  /** Of its files, before anything was written. */
  readonly losses: readonly number[]
}

/** The way of pieces from their slots into the files, and what is left of them when a sync fails. */
export class PieceWriter {
  readonly #parts: WritingParts
  readonly #meter: CommitMeter
  readonly #onTakenBack: (piece: number) => void
  #fault: AtError | undefined
  /** The journal is being told of the fault. */
  #distrusting: Promise<void> = Promise.resolve()

  /** `onTakenBack` hears of pieces that are in the files and not to be relied on. */
  constructor(parts: WritingParts, meter: CommitMeter, onTakenBack: (piece: number) => void) {
    this.#parts = parts
    this.#meter = meter
    this.#onTakenBack = onTakenBack
  }

  /** Why nothing is written any more. */
  get fault(): AtError | undefined {
    return this.#fault
  }

  /**
   * Stores the pieces that hash right, and settles all but those that could be neither refused nor stored: then it rejects
   * with what the disk said. When it ends, nothing reads the slots any more.
   */
  async write(batch: readonly Commit[]): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    const { layout } = this.#parts.metainfo
    const full = batch.map((commit): Full => {
      const { piece, slot } = commit
      const bytes = slot.bytes.subarray(0, layout.pieceSize(piece))
      const extents = layout.extentsOfPiece(piece)
      const losses = extents.map(({ file }) => this.#parts.files.at(file).losses)
      return { piece, bytes, extents, losses, commit }
    })
    const fresh = full.filter(({ piece }) => !this.#parts.have.has(piece))
    const right = await this.#store(fresh)
    if (right.length > 0) this.#record(this.#withoutVanished(right))
    const stored = full.filter(({ piece }) => this.#parts.have.has(piece))
    await this.#finishFiles(stored)
    for (const { commit } of stored) commit.settle(STORED)
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

  /** Those that hash right, noted as begun and written; the others are settled. */
  async #store(pieces: readonly Full[]): Promise<Full[]> {
    if (pieces.length === 0) return []
    const { metainfo, platform } = this.#parts
    const begun = this.#begin(pieces)
    // Whatever uses the slots has ended when this goes on: they must not be read any more when the commits have failed.
    begun.catch(() => {})
    const digesting = digestingOf(metainfo, platform.hasher)
    const storing = digesting.version === "v1" ? this.#storeAtOnce(pieces, begun) : undefined
    if (storing !== undefined) return storing
    const right = await this.#verify(pieces, digesting)
    await begun
    await this.#write(right)
    return right
  }

  /** Those that hash right, written by the thread that hashed them; undefined when that can't be. */
  #storeAtOnce(pieces: readonly Full[], begun: Promise<void>): Promise<Full[]> | undefined {
    const { files, metainfo, platform } = this.#parts
    const digestOf = (piece: number): Uint8Array =>
      metainfo.pieceHashes.subarray(SHA1_LENGTH * piece, SHA1_LENGTH * (piece + 1))
    const full = pieces.map(({ piece, bytes, extents }) => ({ piece, bytes, extents, digest: digestOf(piece) }))
    const storing = files.storePieces(platform.hasher, "sha1", full, begun)
    return storing && this.#settleStored(pieces, storing)
  }

  async #settleStored(pieces: readonly Full[], storing: Promise<Stored>): Promise<Full[]> {
    const { store } = this.#meter
    const { fates, hashing, writing } = await store.during(pieces.length, bytesOf(pieces), () => storing)
    store.took(hashing, writing)
    const right = pieces.filter(({ commit }, i) => {
      if (fates[i] === "wrong") commit.settle(CORRUPT)
      return fates[i] !== "wrong"
    })
    await this.#write(pieces.filter((_, i) => fates[i] === "right"))
    return right
  }

  async #write(pieces: readonly Full[]): Promise<void> {
    if (pieces.length === 0) return
    await this.#meter.disk.during(pieces.length, bytesOf(pieces), () => this.#parts.files.writePieces(pieces))
  }

  /** Those that hash right; the others are settled. */
  async #verify(pieces: readonly Full[], digesting: Digesting): Promise<Full[]> {
    const { metainfo } = this.#parts
    const views = pieces.map(({ bytes }) => bytes)
    const digests = await this.#meter.hash.during(pieces.length, bytesOf(pieces), () =>
      digestPieces(
        digesting,
        pieces.map(({ piece }) => piece),
        views,
      ),
    )
    return pieces.filter(({ piece, commit }, i) => {
      const right = isExpected(metainfo, digesting, piece, digests, i)
      if (!right) commit.settle(CORRUPT)
      return right
    })
  }

  /** Tells the journal what is about to be written, before it is. */
  #begin(pieces: readonly Full[]): Promise<void> {
    const { journal, files } = this.#parts
    for (const { piece, extents } of pieces) {
      journal.setPiece(piece, PieceState.begun)
      for (const { file: index } of extents) {
        const file = files.at(index)
        if (file.provisional) continue
        if (file.inEdges) {
          journal.setAway(index)
          continue
        }
        journal.setHome(index)
        file.stamp = undefined
        if (!file.doubtful) journal.setStamp(index, undefined)
      }
    }
    return journal.flushed(pieces.map(({ piece }) => piece))
  }

  /**
   * The pieces are in the files. The journal's word for it goes out with its next append: whoever dies before finds them
   * begun, and hashes them again.
   */
  #record(pieces: readonly Full[]): void {
    const { journal, files, have, durability } = this.#parts
    // A sync failed meanwhile: these may be among what was dropped.
    if (this.#fault !== undefined) throw this.#fault
    for (const { piece, extents } of pieces) {
      journal.setPiece(piece, PieceState.written)
      have.add(piece)
      durability.written(piece)
      for (const { file: index } of extents) {
        const file = files.at(index)
        file.missing--
        // It stood there, and is what it should be as far as the piece tells.
        if (file.provisional) journal.setHome(index)
      }
    }
  }

  /** A file that vanished while a piece was written to it took the piece along, though another may stand there by now. */
  #withoutVanished(pieces: readonly Full[]): Full[] {
    const { files } = this.#parts
    return pieces.filter(({ extents, losses, commit }) => {
      const gone = extents.find(({ file }, i) => files.at(file).losses !== losses[i])
      if (gone === undefined) return true
      const { partPath } = files.at(gone.file)
      const error = diskFault(new DiskError("missing", partPath, `${partPath} vanished while it was written to`))
      commit.settle({ kind: "failed", error })
      return false
    })
  }

  /** Gives files that the pieces made complete their final names. */
  async #finishFiles(pieces: readonly Full[]): Promise<void> {
    const { journal, files } = this.#parts
    const complete = new Set<DataFile>()
    for (const { extents } of pieces) {
      for (const extent of extents) {
        const file = files.at(extent.file)
        if (file.missing === 0 && (file.place === "part" || file.provisional)) complete.add(file)
      }
    }
    if (complete.size === 0) return
    await files.finishAll([...complete])
    for (const file of complete) if (!file.doubtful) journal.setStamp(file.index, file.stamp)
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

function bytesOf(pieces: readonly Full[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
