import type { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { type DataFile, sameStamp } from "./data-file.js"
import { somethingThere, tooLong } from "./disk-fault.js"
import { Examination, type ExamineOptions } from "./examine.js"
import { PieceState } from "./journal-state.js"
import { type FilesFound, lookAtFiles } from "./look-at-files.js"
import { moveFromEdges } from "./move-from-edges.js"
import { inParallel } from "./parallel.js"
import type { WritingParts } from "./parts.js"

/** Files given their names at a time. */
const PARALLEL_FILES = 16

export interface ArrangeOptions extends ExamineOptions {
  /** Files get their right lengths. */
  readonly toFetch: boolean
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
  const wanted = files.filter(({ selected }) => selected)
  for (const file of await moveFromEdges(parts, wanted, found)) {
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

  constructor(parts: WritingParts, files: readonly DataFile[], found: FilesFound, options: ArrangeOptions) {
    this.#parts = parts
    this.#files = files
    this.#found = found
    this.#options = options
    this.#layout = parts.metainfo.layout
  }

  async run(): Promise<void> {
    const good = await new Examination(this.#parts, this.#files, this.#found, this.#options).run()
    const fates = new Map(this.#files.filter(({ selected }) => selected).map((file) => [file, this.#judge(file, good)]))
    // Nothing was taken or given up before it is known that nothing is in the way.
    this.#take(good)
    for (const [file, fate] of fates) this.#settle(file, fate)
    await this.#finish()
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
      if (!toFetch || !this.#found.hasTail(file)) return "ours"
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
    if (fate === "replaced" || fate === "cut") file.replaces = this.#options.overwrite ? "anything" : "empty"
    if (file.length === 0 || (fate !== "replaced" && file.place !== "none")) journal.setHome(file.index)
    else {
      journal.setOurs(file.index)
      // Nothing of it is there. What comes back under its unfinished name is looked at then.
      journal.setAway(file.index)
    }
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
      // Nobody wants what we made there.
      if (file.place === "none" && this.#found.owned.has(file)) continue
      const old = journal.state.stamps.get(file.index)
      // What is stamped is taken for the dataset's at the next start.
      const now = file.place === "none" || file.provisional ? undefined : file.stamp
      if (old === now || (old !== undefined && now !== undefined && old.place === now.place && sameStamp(old, now)))
        continue
      journal.setStamp(file.index, now)
    }
  }
}

function countMissing(layout: TorrentLayout, file: DataFile, have: Bitfield): number {
  const { first, end } = layout.piecesOfFile(file.index)
  let missing = 0
  for (let piece = first; piece < end; piece++) if (!have.has(piece)) missing++
  return missing
}
