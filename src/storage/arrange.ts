import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { CheckRecord } from "./check-record.js"
import { type DataFile, sameStamp } from "./data-file.js"
import { somethingThere, tooLong } from "./disk-fault.js"
import { hashOnDisk } from "./disk-hashing.js"
import { PieceState } from "./journal-state.js"
import { type FilesFound, type LookOptions, lookAtFiles } from "./look-at-files.js"
import { moveFromEdges } from "./move-from-edges.js"
import { inParallel } from "./parallel.js"
import type { CheckOptions, WritingParts } from "./parts.js"
import { digestingOf, isExpected } from "./piece-digests.js"
import { hashPieces } from "./piece-hashing.js"
import type { FoundFile, ResumeDecision } from "./resume.js"

/** Files given their names at a time. */
const PARALLEL_FILES = 16

export interface ArrangeOptions extends CheckOptions, LookOptions {
  /** `always`: nothing is believed unread. */
  readonly verify: "auto" | "always"
  /** Files get their right lengths. */
  readonly toFetch: boolean
  /**
   * Present where the journal is told what is found while the check goes on, for the next one if this is stopped or killed.
   * Called before the first of it, at most once.
   */
  readonly onFirstFound?: (() => void) | undefined
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
  const found = await lookAtFiles(parts, files, options)
  for (const file of await moveFromEdges(parts, files)) {
    found.states.set(file, "unstamped")
    found.owned.add(file)
  }
  await new Arrangement(parts, files, found, options).run()
}

/**
 * `ours`: it is, or its place is free. `provisional`: see {@link DataFile}. `replaced`: something else makes way for it.
 * `cut`: it is, but for the bytes behind its end, which go.
 */
type Fate = "ours" | "provisional" | "replaced" | "cut"

class Arrangement {
  readonly #parts: WritingParts
  readonly #files: readonly DataFile[]
  readonly #options: ArrangeOptions
  readonly #layout: TorrentLayout
  readonly #found: FilesFound
  readonly #checkedBytes = { done: 0, total: 0 }

  constructor(parts: WritingParts, files: readonly DataFile[], found: FilesFound, options: ArrangeOptions) {
    this.#parts = parts
    this.#files = files
    this.#found = found
    this.#options = options
    this.#layout = parts.metainfo.layout
  }

  async run(): Promise<void> {
    const good = await this.#believe()
    const fates = new Map(this.#files.filter(({ selected }) => selected).map((file) => [file, this.#judge(file, good)]))
    // Nothing was taken or given up before it is known that nothing is in the way.
    this.#take(good)
    for (const [file, fate] of fates) this.#settle(file, fate)
    await this.#finish()
  }

  /** The pieces that are verified, or believed. */
  async #believe(): Promise<Bitfield> {
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
    this.#checkedBytes.total = this.#layout.sizeOf(check) + this.#layout.sizeOf(decision.sample)
    if (decision.sample.count > 0 && this.#options.verify !== "always") {
      const right = new Bitfield(check.length)
      await this.#check(decision.sample, right)
      if (right.count < decision.sample.count) {
        distrustAll()
        record?.onDistrust()
        this.#dropUnavailable(check)
        this.#checkedBytes.total = this.#checkedBytes.done + this.#layout.sizeOf(check)
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
    for (const piece of check) {
      if (!right.has(piece) || record?.right.has(piece) === true) continue
      if (journal.state.pieces[piece] === PieceState.done && !doubted.has(piece)) continue
      journal.setPiece(piece, PieceState.written)
      this.#parts.durability.found(piece)
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
      if (this.#options.overwrite && this.#hasTail(file)) file.replace = true
      file.stamp = undefined
      journal.setStamp(index, undefined)
    }
    await journal.flush()
    await files.writePieces([{ piece, bytes, extents }])
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
    for (const file of this.#found.neighbours) {
      if (this.#isOurs(file, have)) journal.setHome(file.index)
      else file.place = "none"
    }
    for (const file of this.#files) {
      if (file.selected) continue
      if (file.place !== "none" && (file.length === 0 || this.#isOurs(file, have))) continue
      // It is gone, or somebody put another in its place. What comes of a file that nobody wants stays in `edges/`.
      file.place = "none"
      journal.setAway(file.index)
    }
  }

  /** It is, or some piece of it is right. */
  #isOurs(file: DataFile, good: Bitfield): boolean {
    const { first, end } = this.#layout.piecesOfFile(file.index)
    return this.#found.owned.has(file) || countMissing(this.#layout, file, good) < end - first
  }

  /** What is to become of a file that stands there, or of its place. @throws AtError `AT_EXISTS` */
  #judge(file: DataFile, good: Bitfield): Fate {
    const { overwrite, toFetch } = this.#options
    if (file.length === 0) {
      if (file.place !== "final" || file.stamp?.size === 0 || !toFetch) return "ours"
      if (!overwrite) throw somethingThere(file.path, "it should be empty")
      return "replaced"
    }
    if (file.place === "none" || this.#isOurs(file, good)) {
      if (!toFetch || !this.#hasTail(file)) return "ours"
      if (!overwrite) throw tooLong(file.current, { size: file.stamp!.size, length: file.length })
      return "cut"
    }
    if (file.stamp?.size === 0 || overwrite) return "replaced"
    if (this.#isUndecidable(file)) return "provisional"
    throw somethingThere(file.current, "none of its pieces is this dataset's")
  }

  #settle(file: DataFile, fate: Fate): void {
    const { journal } = this.#parts
    if (fate === "provisional") {
      file.provisional = true
      // Ours may have stood there before, or nothing.
      journal.setForeign(file.index)
      return
    }
    if (fate === "replaced" && file.place === "final") file.place = "none"
    if (fate === "replaced" || fate === "cut") file.replace = true
    if (file.length === 0 || (fate !== "replaced" && file.place !== "none")) journal.setHome(file.index)
    else {
      journal.setOurs(file.index)
      // Nothing of it is there. What comes back under its unfinished name is looked at then.
      journal.setAway(file.index)
    }
  }

  /** What stands behind its end is not ours: that is only where we are writing, under the unfinished name. */
  #hasTail(file: DataFile): boolean {
    return file.isTooLong || (!this.#found.owned.has(file) && (file.stamp?.size ?? 0) > file.length)
  }

  /** It has the right length, and no piece to itself: whether it is the right one shows when its neighbours arrive. */
  #isUndecidable(file: DataFile): boolean {
    const { first, end } = this.#layout.piecesOfFile(file.index)
    if (file.place !== "final" || file.stamp?.size !== file.length || end - first > 2) return false
    for (let piece = first; piece < end; piece++) if (this.#layout.liesInOneFile(piece)) return false
    return true
  }

  /** Final names for what is complete, empty files, stamps. */
  async #finish(): Promise<void> {
    const { files, journal } = this.#parts
    const { toFetch } = this.#options
    const unfinished = this.#files.filter((file) => {
      if (file.length === 0) return toFetch && file.selected && file.place === "none"
      return file.missing === 0 && (file.place === "part" || (toFetch && file.selected && file.hasWrongLength))
    })
    await inParallel(unfinished, PARALLEL_FILES, (file) =>
      file.length === 0 ? files.createEmpty(file) : files.finish(file),
    )
    for (const file of [...this.#files, ...this.#found.neighbours]) {
      const old = journal.state.stamps.get(file.index)
      // What is stamped is taken for the dataset's at the next start.
      const now = file.place === "none" || file.provisional ? undefined : file.stamp
      if (old === now || (old !== undefined && now !== undefined && old.place === now.place && sameStamp(old, now)))
        continue
      journal.setStamp(file.index, now)
    }
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
