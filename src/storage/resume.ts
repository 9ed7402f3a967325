import { Bitfield } from "../bytes/bitfield.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { type JournalState, PieceState } from "./journal-state.js"

/**
 * A file on the disk against the journal: `equal` to its stamp, `changed` since, `unstamped` (it was being written when
 * the last owner ended), or `missing`.
 */
export type FoundFile = "equal" | "changed" | "unstamped" | "missing"

export interface ResumeInput {
  readonly layout: TorrentLayout
  readonly journal: JournalState
  /** Of this start of the machine; "" when unknown, which is never the same. */
  readonly bootId: string
  /** Asked for every file that stands at its own path ({@link JournalState.home}) and has bytes. */
  readonly found: (file: number) => FoundFile
  /** Pieces that somebody found bad: hashed, whatever the journal says. */
  readonly doubted?: ReadonlySet<number> | undefined
  /** A whole number, 0 <= n < below. */
  readonly random: (below: number) => number
}

export interface ResumeDecision {
  /** Believed without reading. */
  readonly trusted: Bitfield
  /** To be hashed, and believed if right. */
  readonly check: Bitfield
  /** Some of the trusted, to be hashed first: one that is wrong means that all claims are checked. */
  readonly sample: Bitfield
}

/** Pieces drawn at random after the machine may have died, besides one of each file. */
const SAMPLE_SIZE = 64

/**
 * What a journal is worth.
 *
 * | journal | believed | hashed |
 * |---|---|---|
 * | clean, stamps equal | all | none |
 * | clean, a file changed | all but its pieces | its pieces |
 * | not clean, same boot: the process died | DONE | the others |
 * | another boot: the machine may have died | DONE | the others, and a sample of the DONE |
 *
 * WRITTEN is with the operating system, which outlives the process; but when that died, the disk may have died before it:
 * pulled out, a server started anew. A clean journal after another boot counts as the first two lines only if all is DONE: the
 * last close may not have waited for the disk. Changed and missing files overrule every line.
 */
export function trusted(input: ResumeInput): ResumeDecision {
  const { layout, journal, bootId } = input
  const { states, changed, missing } = filesAsPieces(input)
  const count = layout.pieceCount
  const decision = { trusted: new Bitfield(count), check: new Bitfield(count), sample: new Bitfield(count) }
  const sameBoot = bootId !== "" && bootId === journal.bootId
  const allDone = journal.pieces.every((state) => state === PieceState.absent || state === PieceState.done)
  const needed = journal.clean && sameBoot ? PieceState.written : PieceState.done
  for (let piece = 0; piece < count; piece++) {
    const state = journal.pieces[piece]!
    if (state === PieceState.absent || missing.has(piece)) continue
    if (state < needed || changed.has(piece) || input.doubted?.has(piece) === true) decision.check.add(piece)
    else decision.trusted.add(piece)
  }
  if (!sameBoot && !(journal.clean && allDone)) drawSample(input, states, decision)
  return decision
}

/** The pieces of changed and of missing files. */
function filesAsPieces({ layout, journal, found }: ResumeInput) {
  const states = new Map<number, FoundFile>()
  const changed = new Bitfield(layout.pieceCount)
  const missing = new Bitfield(layout.pieceCount)
  for (const file of journal.home) {
    if (layout.files[file]!.length === 0) continue
    const state = found(file)
    states.set(file, state)
    if (state !== "changed" && state !== "missing") continue
    const { first, end } = layout.piecesOfFile(file)
    for (let piece = first; piece < end; piece++) (state === "missing" ? missing : changed).add(piece)
  }
  return { states, changed, missing }
}

function drawSample(input: ResumeInput, files: ReadonlyMap<number, FoundFile>, decision: ResumeDecision): void {
  const { layout, random } = input
  for (const file of files.keys()) {
    const { first, end } = layout.piecesOfFile(file)
    // From a random place on, the first that is believed.
    const start = random(end - first)
    for (let i = 0; i < end - first; i++) {
      const piece = first + ((start + i) % (end - first))
      if (!decision.trusted.has(piece)) continue
      decision.sample.add(piece)
      break
    }
  }
  const believed = [...decision.trusted]
  for (let i = 0; i < SAMPLE_SIZE && believed.length > 0; i++) {
    decision.sample.add(believed[random(believed.length)]!)
  }
}
