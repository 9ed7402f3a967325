import { Bitfield } from "../../../src/bytes/bitfield.js"
import { copyBytes } from "../../../src/bytes/copy.js"
import type { AtError } from "../../../src/errors.js"
import { BLOCK_LENGTH, TorrentLayout } from "../../../src/metainfo/layout.js"
import type { BlockSource } from "../../../src/picker/block-source.js"
import { Fellows } from "../../../src/picker/fellows.js"
import type { OpenPiece, Writer } from "../../../src/picker/open-piece.js"
import { Picker } from "../../../src/picker/picker.js"
import { PieceTable } from "../../../src/picker/piece-table.js"
import { Run } from "../../../src/picker/run.js"
import type { CommitOutcome } from "../../../src/storage/piece-store.js"
import { type Slot, Slots } from "../../../src/storage/slots.js"
import { Intake, type IntakeHost } from "../../../src/torrent/receiving/intake.js"
import { RunTransfer } from "../../../src/torrent/receiving/run-transfer.js"
import { seededRandom } from "../../support/seeded-random.js"
import { digester } from "../../support/torrents.js"

export const BLOCKS_PER_PIECE = 2
const PIECE = BLOCKS_PER_PIECE * BLOCK_LENGTH

/** One file; the last piece is short, and so is its last block. */
export function layoutOf(pieces: number): TorrentLayout {
  const length = (pieces - 1) * PIECE + BLOCK_LENGTH + 777
  return new TorrentLayout(PIECE, [{ path: "data", offset: 0, length, padding: false }])
}

const truths = new Map<number, Uint8Array>()

/** What the torrent's bytes should be: every block differs from every other. */
function truthOf({ length }: TorrentLayout): Uint8Array {
  const known = truths.get(length)
  if (known !== undefined) return known
  const truth = new Uint8Array(length)
  for (let i = 0; i < length; i++) truth[i] = i * 31 + (i >> 8) * 7 + (i >> 14) * 101
  truths.set(length, truth)
  return truth
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

interface Commit {
  readonly piece: number
  readonly slot: Slot
  /** What the slot held when it was given away. */
  readonly given: Uint8Array
  readonly resolve: (outcome: CommitOutcome) => void
}

/** A store that answers when a test tells it to, and notices memory that changes while it is the store's. */
export class FakeStore {
  readonly saved = new Map<number, Uint8Array>()
  readonly underWay: Commit[] = []
  readonly #layout: TorrentLayout
  readonly #truth: Uint8Array

  constructor(layout: TorrentLayout, truth: Uint8Array) {
    this.#layout = layout
    this.#truth = truth
  }

  commit(piece: number, slot: Slot): Promise<CommitOutcome> {
    return new Promise((resolve) => {
      this.underWay.push({ piece, slot, given: slot.bytes.slice(0, this.#layout.pieceSize(piece)), resolve })
    })
  }

  read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    const bytes = this.saved.get(piece)
    if (bytes === undefined) return Promise.reject(new Error(`piece ${piece} is not there`))
    into.set(bytes.subarray(begin, begin + into.length))
    return Promise.resolve()
  }

  /** The piece's right bytes. */
  right(piece: number): Uint8Array {
    const offset = this.#layout.pieceOffset(piece)
    return this.#truth.subarray(offset, offset + this.#layout.pieceSize(piece))
  }

  /** Answers the `which`-th commit under way, honestly unless an error is given, and lets all that follows happen. */
  async settle(which = 0, error?: AtError): Promise<void> {
    const [commit] = this.underWay.splice(which, 1)
    if (commit === undefined) return
    const { piece, slot, given, resolve } = commit
    if (!equal(slot.bytes.subarray(0, given.length), given)) {
      throw new Error(`piece ${piece} was written to after it went to the disk`)
    }
    if (error !== undefined) resolve({ kind: "failed", error })
    else if (equal(given, this.right(piece))) {
      this.saved.set(piece, given)
      resolve({ kind: "stored" })
    } else resolve({ kind: "corrupt" })
    await turn()
  }

  async settleAll(): Promise<void> {
    while (this.underWay.length > 0) await this.settle()
  }
}

/** A turn of the event loop: all promise chains have come to their end. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The download half of a torrent, with memory for few pieces and a store in a test's hands. */
export class Stage implements IntakeHost {
  readonly layout: TorrentLayout
  readonly truth: Uint8Array
  readonly slots: Slots
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly store: FakeStore
  readonly intake: Intake
  /** What the host heard, in order. */
  readonly heard: string[] = []
  readonly guilty = new Set<number>()
  onFreed: () => void = () => {}

  constructor(options: { pieces: number; capacity: number; seed?: number }) {
    const layout = layoutOf(options.pieces)
    const random = seededRandom(options.seed ?? 1)
    const wanted = new Bitfield(layout.pieceCount)
    for (let piece = 0; piece < layout.pieceCount; piece++) wanted.add(piece)
    this.layout = layout
    this.truth = truthOf(layout)
    this.slots = new Slots({ pieceLength: layout.pieceLength, budget: options.capacity * layout.pieceLength })
    this.table = new PieceTable({
      layout,
      memory: this.slots,
      random,
      have: new Bitfield(layout.pieceCount),
      wanted,
    })
    this.picker = new Picker(this.table, random, new Fellows(new Uint8Array(20)))
    this.store = new FakeStore(layout, this.truth)
    this.intake = new Intake({ table: this.table, store: this.store, hasher: digester, host: this })
  }

  onBlockKept(block: number, source: number, copies: number): void {
    if (copies > 0) this.heard.push(`block ${block} of ${source} with ${copies} more asked for`)
  }

  onPieceStored(piece: number): void {
    this.heard.push(`stored ${piece}`)
  }

  onGuilty(source: number, piece: number): void {
    this.heard.push(`guilty ${source} in ${piece}`)
    this.guilty.add(source)
  }

  onPieceCorrupt(piece: number, size: number): void {
    this.heard.push(`corrupt ${piece}, ${size} bytes`)
  }

  onFault(error: AtError): void {
    this.heard.push(`fault ${error.code}`)
  }

  onMemoryFreed(): void {
    this.onFreed()
  }

  /** Right bytes of a block, or all of them wrong. */
  bytesOf(block: number, honest = true): Uint8Array {
    const from =
      this.layout.pieceOffset(this.layout.pieceOfBlock(block)) + this.layout.indexOfBlock(block) * BLOCK_LENGTH
    const bytes = this.truth.subarray(from, from + this.layout.blockLength(block))
    return honest ? bytes : bytes.map((byte) => byte ^ 0xff)
  }

  /** Opens a piece for peers. */
  open(piece: number): void {
    if (this.table.openPiece(piece, 0) === undefined) throw new Error("there is no memory")
  }

  /** A source gives a whole block at once. */
  give(source: number, piece: number, index: number, honest = true): boolean {
    const block = this.layout.block(piece, index)
    const writer: Writer = { destination: null }
    writer.destination = this.intake.beginBlock(block, writer)
    writer.destination?.set(this.bytesOf(block, honest))
    return this.intake.endBlock(block, writer, source)
  }
}

/** A peer as the torrent sees it: asks through the picker, writes its blocks in parts, may lie. */
export class StagePeer implements BlockSource, Writer {
  destination: Uint8Array | null = null
  readonly id: number
  readonly counted = false
  readonly onlyPieces = undefined
  readonly pieceCount = 1
  readonly honest: boolean
  readonly #stage: Stage
  readonly #asked = new Set<number>()
  #block: number | undefined
  #written = 0

  constructor(stage: Stage, id: number, honest: boolean) {
    this.#stage = stage
    this.id = id
    this.honest = honest
  }

  hasPiece(): boolean {
    return true
  }

  isAsked(block: number): boolean {
    return this.#asked.has(block)
  }

  ask(): void {
    const ask = (block: number): void => void this.#asked.add(block)
    const { picker } = this.#stage
    if (picker.pickBlocks(this, 1, 0, ask) > 0) return
    picker.pickDuplicates(this, 1, { maxCopies: 3, openedBefore: Number.POSITIVE_INFINITY }, ask)
  }

  begin(): void {
    const [block] = this.#asked
    if (this.#block !== undefined || block === undefined) return
    this.#block = block
    this.#written = 0
    this.destination = this.#stage.intake.beginBlock(block, this)
  }

  write(length: number): void {
    if (this.#block === undefined) return
    const bytes = this.#stage.bytesOf(this.#block, this.honest)
    const end = Math.min(this.#written + length, bytes.length)
    if (this.destination !== null) copyBytes(this.destination, this.#written, bytes, this.#written, end)
    this.#written = end
  }

  end(): void {
    const block = this.#block
    if (block === undefined || this.#written < this.#stage.layout.blockLength(block)) return
    this.#block = undefined
    this.#asked.delete(block)
    this.#stage.intake.unask(block)
    this.#stage.intake.endBlock(block, this, this.id)
    this.destination = null
  }

  /** A whole block in one go, as far as there is one. */
  give(): void {
    this.ask()
    this.begin()
    this.write(BLOCK_LENGTH)
    this.end()
  }

  /** The connection ends. */
  drop(): void {
    if (this.#block !== undefined) this.#stage.intake.abandonBlock(this.#block, this)
    this.#block = undefined
    for (const block of this.#asked) this.#stage.intake.unask(block)
    this.#asked.clear()
  }
}

/** A web seed's run: its bytes come in order, in whatever chunks, except while it is paused. */
export class StageRun {
  readonly transfer: RunTransfer
  readonly run: Run
  paused = false
  over = false
  /** Bytes given to the transfer. */
  delivered = 0
  /** Those of them that were of no use. */
  wasted = 0
  readonly #stage: Stage
  #position: number
  #end: number

  /** The next run there is for a web seed with the given number. Undefined when there is nothing for it to do now. */
  static start(stage: Stage, id: number, maxBytes: number): StageRun | undefined {
    const { picker, table } = stage
    const any = (): boolean => true
    const run = table.memoryLeft ? picker.runs.pick({ has: any, maxBytes, after: undefined }) : undefined
    if (run !== undefined) return new StageRun(stage, id, run, 0)
    const stuck = picker.pickStuck(any)
    if (stuck === undefined) return undefined
    stuck.inRun = true
    let index = 0
    while (stuck.isReceived(index)) index++
    return new StageRun(stage, id, new Run(stuck.piece + 1), index * BLOCK_LENGTH, stuck)
  }

  constructor(stage: Stage, id: number, run: Run, position: number, stuck?: OpenPiece<Slot>) {
    const first = stuck ?? stage.picker.runs.openNext(run, 0)
    if (first === undefined) throw new Error("there is no memory")
    const { layout } = stage
    this.run = run
    this.#stage = stage
    this.#position = layout.pieceOffset(first.piece) + position
    this.#end = Math.min(layout.length, layout.pieceOffset(run.end))
    this.transfer = new RunTransfer({
      id,
      run,
      source: {
        stop: () => {},
        onWasted: (bytes) => {
          this.wasted += bytes
        },
        pause: () => {
          this.paused = true
        },
        resume: () => {
          this.paused = false
        },
      },
      first,
      position,
      table: stage.table,
      runs: stage.picker.runs,
      intake: stage.intake,
      now: () => 0,
    })
    run.onShortened = () => {
      this.#end = Math.max(this.#position, Math.min(layout.length, layout.pieceOffset(run.end)))
    }
  }

  /** The next bytes come, in a chunk that is spoilt afterwards; ends the run when they were the last. */
  deliver(length: number): void {
    if (this.over || this.paused) return
    const chunk = this.#stage.truth.slice(this.#position, Math.min(this.#position + length, this.#end))
    this.#position += chunk.length
    this.delivered += chunk.length
    if (chunk.length > 0) this.transfer.write(chunk)
    chunk.fill(0xee)
    if (!this.paused && this.#position >= this.#end) this.end()
  }

  end(): void {
    if (this.over) return
    this.over = true
    this.run.onShortened = undefined
    this.transfer.end()
  }
}
