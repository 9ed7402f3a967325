import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { type DataFile, sameStamp, stampOf } from "./data-file.js"
import { somethingThere } from "./disk-fault.js"
import { PieceState } from "./journal-state.js"
import { moveFromEdges } from "./move-from-edges.js"
import { inParallel } from "./parallel.js"
import { type CheckOptions, expectedDigest, sameBytes, type WritingParts } from "./parts.js"
import { hashPieces } from "./piece-hashing.js"
import type { FoundFile, ResumeDecision } from "./resume.js"

/** Questions to the file system at a time. */
const PARALLEL_LOOKS = 64
const PARALLEL_FILES = 16

export interface ArrangeOptions extends CheckOptions {
  /** `always`: nothing is believed unread. */
  readonly verify: "auto" | "always"
  /** Files of which no piece is ours may be replaced. */
  readonly overwrite: boolean
  /** How the last owner ended, as far as we know. */
  readonly before: "clean" | "process-died" | "machine-may-have-died"
  /** What is believed, now that it is known how the files stand. */
  readonly decide: (found: (file: number) => FoundFile) => ResumeDecision
}

/**
 * Brings what is claimed, what stands on the disk and what is wanted together, for the files given: looks at them, moves
 * what `edges/` hold of them, hashes what must be hashed, and decides what may be written over. Sets the files' places,
 * the pieces we have, and the journal.
 *
 * @throws AtError `AT_EXISTS` when something foreign is in the way, `AT_UNSAFE_PATH` for links
 */
export async function arrange(parts: WritingParts, files: readonly DataFile[], options: ArrangeOptions): Promise<void> {
  const arrangement = new Arrangement(parts, files, options)
  await arrangement.run()
}

class Arrangement {
  readonly #parts: WritingParts
  readonly #files: readonly DataFile[]
  readonly #options: ArrangeOptions
  readonly #layout: TorrentLayout
  readonly #found = new Map<DataFile, FoundFile>()
  /** Files that are ours even if no piece of them verifies. */
  readonly #owned = new Set<DataFile>()
  /** Unwanted files of the right length, which may complete pieces of wanted ones. */
  readonly #neighbours: DataFile[] = []
  readonly #checkedBytes = { done: 0, total: 0 }

  constructor(parts: WritingParts, files: readonly DataFile[], options: ArrangeOptions) {
    this.#parts = parts
    this.#files = files
    this.#options = options
    this.#layout = parts.metainfo.layout
  }

  async run(): Promise<void> {
    await inParallel(this.#files, PARALLEL_LOOKS, (file) => this.#look(file))
    await this.#lookAtNeighbours()
    for (const file of await moveFromEdges(this.#parts, this.#files)) {
      this.#found.set(file, "unstamped")
      this.#owned.add(file)
    }
    const good = await this.#believe()
    this.#take(good)
    for (const file of this.#files) {
      if (file.selected && file.length > 0) this.#settle(file)
      else if (file.selected) this.#settleEmpty(file)
    }
    await this.#finish()
  }

  async #look(file: DataFile): Promise<void> {
    const { journal, files } = this.#parts
    const stamp = journal.state.stamps.get(file.index)
    try {
      if (stamp !== undefined) {
        const there = await files.look(file, stamp.place)
        if (there !== undefined && sameStamp(stamp, stampOf(stamp.place, there))) {
          file.place = stamp.place
          file.stamp = stamp
          this.#found.set(file, "equal")
          this.#owned.add(file)
          return
        }
      }
      await this.#lookClosely(file)
    } catch (error) {
      // Nobody wants to write there: it only can't be given.
      if (file.selected) throw error
      file.place = "none"
    }
    if (file.place === "none" && !file.selected) journal.setAway(file.index)
  }

  async #lookClosely(file: DataFile): Promise<void> {
    const { journal, files } = this.#parts
    const { overwrite, before } = this.#options
    await files.inspectFolders(file)
    const final = await files.look(file, "final")
    const part = await files.look(file, "part")
    if (final !== undefined && part !== undefined && file.length > 0) {
      if (!overwrite) throw somethingThere(file.path, `${file.partPath} stands there too`)
      file.replace = true
    }
    file.place = part !== undefined && file.length > 0 ? "part" : final !== undefined ? "final" : "none"
    const there = file.place === "part" ? part : final
    if (there === undefined) return
    const stamp = journal.state.stamps.get(file.index)
    file.stamp = stampOf(file.place === "part" ? "part" : "final", there)
    const { ours, home } = journal.state
    const same = stamp?.inode === file.stamp.inode
    if (file.place === "part") {
      if (ours.has(file.index)) this.#owned.add(file)
    } else if (
      (same && stamp?.place === "final") ||
      (home.has(file.index) && before !== "clean") ||
      (ours.has(file.index) && before === "machine-may-have-died")
    ) {
      this.#owned.add(file)
    }
    // A new name alone is no change.
    const equal = stamp !== undefined && sameStamp(stamp, file.stamp)
    this.#found.set(file, stamp === undefined ? "unstamped" : equal ? "equal" : "changed")
  }

  /** Without a journal, unwanted files beside wanted ones may be there from before. */
  async #lookAtNeighbours(): Promise<void> {
    const { journal, files } = this.#parts
    const asked = new Set<DataFile>()
    for (const file of this.#files) {
      if (!file.selected || file.place === "none" || journal.state.home.has(file.index) || file.length === 0) continue
      const { first, end } = this.#layout.piecesOfFile(file.index)
      for (const piece of [first, end - 1]) {
        for (const extent of this.#layout.extentsOfPiece(piece)) {
          const other = files.at(extent.file)
          if (!other.selected && other.place === "none" && !journal.state.home.has(other.index)) asked.add(other)
        }
      }
    }
    await inParallel(asked, PARALLEL_LOOKS, async (file) => {
      const there = await files.look(file, "final").catch(() => undefined)
      if (there?.size !== file.length) return
      file.place = "final"
      file.stamp = stampOf("final", there)
      this.#neighbours.push(file)
    })
  }

  /** The pieces that are verified, or believed. */
  async #believe(): Promise<Bitfield> {
    const { journal, files } = this.#parts
    const decision = this.#options.decide((index) => this.#found.get(files.at(index)) ?? "missing")
    const { trusted, check } = decision
    for (const piece of this.#claimsWithoutBytes()) {
      trusted.delete(piece)
      check.delete(piece)
    }
    const doubted = Bitfield.fromBytes(check.bytes, check.length)!
    const distrustAll = (): void => {
      for (let piece = 0; piece < journal.state.pieces.length; piece++) {
        if (journal.state.pieces[piece] !== PieceState.absent) check.add(piece)
      }
      trusted.clear()
    }
    if (this.#options.verify === "always") distrustAll()
    for (const file of this.#files) if (this.#isUnknown(file)) addPieces(this.#layout, file, check, trusted)
    this.#dropUnavailable(check)
    this.#checkedBytes.total = this.#sizeOf(check) + this.#sizeOf(decision.sample)
    if (decision.sample.count > 0 && this.#options.verify !== "always") {
      const right = await this.#check(decision.sample)
      if (right.count < decision.sample.count) {
        distrustAll()
        this.#dropUnavailable(check)
        this.#checkedBytes.total = this.#checkedBytes.done + this.#sizeOf(check)
      }
    }
    const right = await this.#check(check)
    for (const piece of check) {
      const durable = journal.state.pieces[piece] === PieceState.done && !doubted.has(piece)
      if (!right.has(piece) || durable) continue
      journal.setPiece(piece, PieceState.written)
      this.#parts.durability.written(piece)
    }
    for (const piece of trusted) {
      right.add(piece)
      if (journal.state.pieces[piece] === PieceState.written) this.#parts.durability.leftOver(piece)
    }
    return right
  }

  /** Bytes stand there of which the journal does not know what they are. */
  #isUnknown(file: DataFile): boolean {
    if (file.place === "none" || file.length === 0 || !file.selected) return false
    const known = this.#parts.journal.state.home.has(file.index)
    return !known || file.place === "final" || this.#options.verify === "always"
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

  /** Those that hash right. */
  async #check(pieces: Bitfield): Promise<Bitfield> {
    const { metainfo, platform, files, journal } = this.#parts
    const { signal, onChecking } = this.#options
    const right = new Bitfield(pieces.length)
    const count = this.#checkedBytes
    if (pieces.count > 0) onChecking?.(count.done, count.total)
    await hashPieces({
      hasher: platform.hasher,
      layout: this.#layout,
      pieces,
      read: (offset, into) => files.readSpan(offset, into),
      onPiece: async (piece, digest, bytes) => {
        if (digest === undefined || !sameBytes(digest, expectedDigest(metainfo, piece))) return
        if (journal.state.pieces[piece] === PieceState.begun) await this.#writeAgain(piece, bytes)
        right.add(piece)
      },
      onProgress: (bytes) => {
        count.done += bytes
        onChecking?.(count.done, count.total)
      },
      signal,
    })
    return right
  }

  /**
   * A piece that was only begun may look right because it is still in the system's memory, after a sync that failed:
   * only writing it once more brings it to the disk.
   */
  async #writeAgain(piece: number, bytes: Uint8Array): Promise<void> {
    const { files, journal } = this.#parts
    for (const { file: index } of this.#layout.extentsOfPiece(piece)) {
      files.at(index).stamp = undefined
      journal.setStamp(index, undefined)
    }
    await journal.flush()
    await files.writePiece(piece, bytes)
  }

  /** Sets what we have, and what each file lacks. */
  #take(good: Bitfield): void {
    const { have, journal, files } = this.#parts
    have.clear()
    for (const piece of good) have.add(piece)
    for (let piece = 0; piece < journal.state.pieces.length; piece++) {
      if (!have.has(piece)) journal.setPiece(piece, PieceState.absent)
    }
    for (const file of files.all) if (file !== undefined) file.missing = countMissing(this.#layout, file, have)
    for (const file of this.#neighbours) {
      const { first, end } = this.#layout.piecesOfFile(file.index)
      if (file.missing < end - first) journal.setHome(file.index)
      else file.place = "none"
    }
  }

  /** What is to become of a file that stands there, or of its place. */
  #settle(file: DataFile): void {
    const { journal } = this.#parts
    const { first, end } = this.#layout.piecesOfFile(file.index)
    if (file.place === "none" || file.missing < end - first || this.#owned.has(file)) {
      if (file.place !== "none") journal.setHome(file.index)
      journal.setOurs(file.index)
    } else if (this.#isUndecidable(file)) {
      file.provisional = true
    } else if (file.stamp?.size === 0 || this.#options.overwrite) {
      if (file.place === "final") file.place = "none"
      file.replace = true
      journal.setOurs(file.index)
    } else {
      throw somethingThere(file.current, "no piece of it is this dataset's")
    }
  }

  #settleEmpty(file: DataFile): void {
    if (file.place === "final" && file.stamp?.size !== 0) {
      if (!this.#owned.has(file) && !this.#options.overwrite) throw somethingThere(file.path, "it should be empty")
      file.place = "none"
      file.replace = true
    }
    this.#parts.journal.setHome(file.index)
  }

  /** It has the right length, and no piece to itself: whether it is the right one shows when its neighbours arrive. */
  #isUndecidable(file: DataFile): boolean {
    const { first, end } = this.#layout.piecesOfFile(file.index)
    if (file.place !== "final" || file.stamp?.size !== file.length || end - first > 2) return false
    for (let piece = first; piece < end; piece++) if (this.#layout.extentsOfPiece(piece).length === 1) return false
    return true
  }

  /** Final names for what is complete, empty files, stamps. */
  async #finish(): Promise<void> {
    const { files, journal } = this.#parts
    const unfinished = this.#files.filter((file) => {
      if (file.length === 0) return file.selected && file.place === "none"
      return (
        file.missing === 0 && (file.place === "part" || (file.place === "final" && file.stamp?.size !== file.length))
      )
    })
    await inParallel(unfinished, PARALLEL_FILES, (file) =>
      file.length === 0 ? files.createEmpty(file) : files.finish(file),
    )
    for (const file of [...this.#files, ...this.#neighbours]) {
      const old = journal.state.stamps.get(file.index)
      const now = file.place === "none" ? undefined : file.stamp
      if (old === now || (old !== undefined && now !== undefined && old.place === now.place && sameStamp(old, now)))
        continue
      journal.setStamp(file.index, now)
    }
  }

  #sizeOf(pieces: Bitfield): number {
    if (pieces.count === 0) return 0
    const last = this.#layout.pieceCount - 1
    const short = pieces.has(last) ? this.#layout.pieceLength - this.#layout.pieceSize(last) : 0
    return pieces.count * this.#layout.pieceLength - short
  }
}

/** Those of the file's pieces that are not believed. */
function addPieces(layout: TorrentLayout, file: DataFile, check: Bitfield, trusted: Bitfield): void {
  const { first, end } = layout.piecesOfFile(file.index)
  for (let piece = first; piece < end; piece++) if (!trusted.has(piece)) check.add(piece)
}

function countMissing(layout: TorrentLayout, file: DataFile, have: Bitfield): number {
  const { first, end } = layout.piecesOfFile(file.index)
  let missing = 0
  for (let piece = first; piece < end; piece++) if (!have.has(piece)) missing++
  return missing
}
