import type { Bitfield } from "../bytes/bitfield.js"
import { AtError } from "../errors.js"
import { closeStore } from "./close-store.js"
import { CommitMeter } from "./commit-meter.js"
import { type Commit, type CommitOutcome, CommitQueue } from "./commit-queue.js"
import { diskFault, orDiskFault } from "./disk-fault.js"
import { PieceState } from "./journal-state.js"
import { keepAtPlace } from "./keep-at-place.js"
import { Losses } from "./losses.js"
import { openReadOnly, type ReadOnlyOptions } from "./open-read-only.js"
import { type OpenedStore, openStore, type PieceStoreOptions } from "./open-store.js"
import type { UnwritableOptions } from "./open-unwritable.js"
import type { ReadingParts, StoreParts } from "./parts.js"
import { PieceWriter } from "./piece-writer.js"
import { reselect } from "./reselect.js"
import { wantedPieces } from "./selected-files.js"
import { type Slot, Slots, slotBudget } from "./slots.js"
import { VerifiedReader } from "./verified-reader.js"
import { WorkGate } from "./work-gate.js"

export type { CommitOutcome } from "./commit-queue.js"
export type { PieceStoreOptions } from "./open-store.js"

/**
 * A dataset on the disk: pieces in, verified bytes out. It never claims a piece whose bytes on the disk don't hash right,
 * and after any end of the process or the machine it claims what was durable.
 */
export class PieceStore {
  /** The data: DATASTORE/NAME. */
  readonly path: string
  /** Verified pieces; those at the borders of the selected files, too. */
  readonly have: Bitfield
  readonly slots: Slots
  /** Where pieces on their way to the disk spend their time. */
  readonly meter: CommitMeter
  /** A piece that was claimed is not there any more. */
  onLost: ((piece: number) => void) | undefined
  readonly #parts: StoreParts
  /** Absent when nothing is ever written. */
  readonly #opened: OpenedStore | undefined
  /** Absent when all that is there was looked at. */
  readonly #further: Pick<ReadingParts, "check" | "select"> | undefined
  readonly #reader: VerifiedReader
  #wanted: Bitfield
  readonly #writer: PieceWriter | undefined
  /** Pieces being hashed and written, and reads; what they wait for before they begin. */
  readonly #gate: WorkGate
  readonly #commits: CommitQueue
  readonly #losses: Losses
  /** Ends with what was asked for that moves bytes from `edges/`. */
  #moving: Promise<unknown> | undefined
  /** By files' indexes: what {@link keepAtPlace} was asked for. */
  readonly #kept = new Map<number, Promise<void>>()
  #closed: Promise<void> | undefined

  private constructor(path: string, parts: StoreParts, opened?: OpenedStore, further?: ReadingParts) {
    const { layout } = parts.metainfo
    this.path = path
    this.#further = further
    this.have = parts.have
    this.#parts = parts
    this.#opened = opened
    this.#gate = new WorkGate(opened?.ready ?? Promise.resolve())
    this.meter = new CommitMeter(parts.platform.clock)
    if (opened !== undefined) this.#writer = new PieceWriter(opened, this.meter, (piece) => this.onLost?.(piece))
    this.#commits = new CommitQueue(layout.pieceLength, this.meter, (batch) => this.#write(batch))
    this.#wanted = wantedPieces(parts.files)
    this.#losses = new Losses({
      parts,
      journal: opened?.journal,
      gate: this.#gate,
      onLost: (piece) => this.onLost?.(piece),
      onFault: (error) => this.#writer?.onFault(error),
    })
    this.#reader = new VerifiedReader(parts, this.#losses)
    const budget = Math.min(slotBudget(layout.pieceLength), layout.pieceCount * layout.pieceLength)
    this.slots = new Slots({ pieceLength: layout.pieceLength, budget })
  }

  /**
   * Takes the dataset's lock, decides what the journal is worth, hashes what is not to be believed unread (without a
   * journal: all that is there), and makes sure that there is room.
   *
   * @throws AtError `AT_LOCKED`, `AT_EXISTS`, `AT_UNSAFE_PATH`, `AT_DISK_FULL`, `AT_DISK_IO`, `AT_ABORTED`
   */
  static async open(options: PieceStoreOptions): Promise<PieceStore> {
    const early: unknown[] = []
    let hear = (error: unknown): void => void early.push(error)
    const opened = await orDiskFault(openStore(options, (error) => hear(error)))
    const store = new PieceStore(`${options.datastore}/${options.metainfo.name}`, opened, opened)
    hear = (error) => store.#writer?.onFault(error)
    for (const error of early) hear(error)
    return store
  }

  /**
   * Data that is only read, wherever it stands; nothing is written there, no state is kept. `commit` and `select` fail.
   * @throws AtError `AT_DISK_IO`, `AT_ABORTED`
   */
  static async openReadOnly(options: ReadOnlyOptions): Promise<PieceStore> {
    return new PieceStore(options.dataPath, await orDiskFault(openReadOnly(options)))
  }

  /**
   * What is there of a dataset in a datastore that can't be written to. `commit` fails.
   * @throws AtError `AT_DISK_IO`, `AT_ABORTED`
   */
  static async openUnwritable(options: UnwritableOptions): Promise<PieceStore> {
    const { openUnwritable } = await import("./open-unwritable.js")
    const parts = await orDiskFault(openUnwritable(options))
    return new PieceStore(`${options.datastore}/${options.metainfo.name}`, parts, undefined, parts)
  }

  /** Pieces that the selected files need. */
  get wanted(): Bitfield {
    return this.#wanted
  }

  /**
   * The piece is likely to be committed soon: the journal says so with its next append, and the commit need not wait for
   * one of its own. If it never comes, it is one more piece to be hashed after a crash.
   */
  expect(piece: number): void {
    const journal = this.#opened?.journal
    if (journal === undefined || journal.state.pieces[piece] !== PieceState.absent) return
    journal.setPiece(piece, PieceState.begun)
  }

  /** A piece that was claimed turned out to be damaged: it is missing from now on. */
  lose(piece: number): void {
    if (this.#closed === undefined) this.#losses.onPieceLost(piece)
  }

  /**
   * Looks again at the files of pieces that somebody could not read: what was claimed of one that is gone, or cut short, is
   * missing from now on.
   */
  async lookAgain(pieces: readonly number[]): Promise<void> {
    if (this.#closed !== undefined || pieces.length === 0) return
    await this.#gate.alone(() => this.#losses.look(pieces))
  }

  /**
   * Looks again at files (indexes) that stood complete. What somebody removed or changed of them is missing from now on:
   * see {@link onLost}.
   * @throws AtError `AT_DISK_IO`, `AT_ABORTED`
   */
  async lookAtComplete(indexes: Iterable<number>, signal?: AbortSignal): Promise<void> {
    if (this.#closed !== undefined || this.#opened === undefined) return
    const files = [...indexes].map((index) => this.#parts.files.all[index]).filter((file) => file !== undefined)
    await orDiskFault(this.#gate.alone(() => this.#losses.lookAtComplete(files, signal)))
  }

  /** Hashes a full piece, and writes it if it is right. The slot's bytes must stay as they are until it settles. */
  commit(piece: number, slot: Slot): Promise<CommitOutcome> {
    if (this.#closed !== undefined) return Promise.resolve(failed(misuse("the store is closed")))
    if (this.#writer === undefined) return Promise.resolve(failed(misuse("the store is open for reading")))
    if (this.#commits.has(piece)) return Promise.resolve(failed(misuse(`piece ${piece} is being written`)))
    return this.#commits.add(piece, slot)
  }

  /**
   * Verified bytes, from the disk.
   * @throws AtError `AT_CORRUPT` when they are no longer what was verified: the piece is then lost; `AT_DISK_IO`
   */
  async read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    // While files are taken in that had bytes in `edges/`, these may be at both places or at none.
    const { edges } = this.#parts.files
    while (this.#moving !== undefined && edges?.pieces.has(piece) === true) await this.#moving
    if (this.#closed !== undefined) throw misuse("the store is closed")
    await orDiskFault(this.#gate.track(this.#reader.read(piece, begin, into)))
  }

  /**
   * Other files are wanted from now on (indexes). What is there of the newly wanted is taken in.
   * @throws AtError as {@link open} does
   */
  async select(selected: ReadonlySet<number>): Promise<void> {
    const opened = this.#opened
    if (this.#closed !== undefined) throw misuse("the store is closed")
    if (opened === undefined) {
      if (this.#further === undefined) throw misuse("the store is open for reading")
      return this.#lookFurther((further) => further.select(selected))
    }
    const follow = (): void => {
      this.#wanted = wantedPieces(opened.files)
    }
    return this.#move(() => reselect(opened, selected).finally(follow))
  }

  /**
   * What comes of a file (index) goes to its place from now on, wanted or not: somebody reads it, and may read much. Where that
   * can't be, it stays in `edges/`.
   */
  async keepAtPlace(index: number): Promise<void> {
    const file = this.#parts.files.all[index]
    const opened = this.#opened
    if (this.#closed !== undefined || opened === undefined || file?.inEdges !== true) return
    // Once: where it could not be, it will not be better with the next read.
    const kept = this.#kept.get(index) ?? this.#move(() => keepAtPlace(opened, file))
    this.#kept.set(index, kept)
    await kept
  }

  /**
   * Looks at pieces that were not looked at yet, where nothing is ever written and not all was looked at in the beginning.
   * @throws AtError `AT_DISK_IO`, `AT_ABORTED`
   */
  look(pieces: Iterable<number>): Promise<void> {
    return this.#lookFurther((further) => further.check(pieces))
  }

  /** Whether the file stands under its final name, verified, and is no longer than it should be. */
  fileComplete(index: number): boolean {
    const file = this.#parts.files.all[index]
    return file === undefined || (file.place === "final" && file.missing === 0 && !file.hasWrongLength)
  }

  /** Why the file counts as missing though something stands in its place, in words. */
  obstacleOf(index: number): string | undefined {
    const file = this.#parts.files.all[index]
    return file?.place === "none" ? file.obstacle : undefined
  }

  /** Whether the files stood under their final names, with their lengths, when they were looked at; verified or not. */
  standsWhole(indexes: Iterable<number>): boolean {
    for (const index of indexes) {
      const file = this.#parts.files.all[index]
      if (file !== undefined && (file.place !== "final" || file.hasWrongLength)) return false
    }
    return true
  }

  /** All that was stored is on the disk itself. @throws AtError `AT_DISK_IO` when it can't be brought there */
  async flush(): Promise<void> {
    if (this.#opened === undefined) return
    const { durability } = this.#opened
    await orDiskFault(this.#gate.pass().then(() => durability.flush()))
  }

  /**
   * Lets what is under way end, and leaves the books in order: a clean mark always, a last sync only
   * when nobody will notice how long it takes. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #lookFurther(look: (further: Pick<ReadingParts, "check" | "select">) => Promise<void>): Promise<void> {
    if (this.#further === undefined) return
    try {
      await orDiskFault(this.#gate.track(look(this.#further)))
    } finally {
      this.#wanted = wantedPieces(this.#parts.files)
    }
  }

  async #write(batch: readonly Commit[]): Promise<void> {
    try {
      await this.#gate.pass()
      await this.#gate.track(this.#writer!.write(batch))
    } catch (error) {
      await this.#losses.find(
        batch.map(({ piece }) => piece),
        error,
      )
      const outcome = failed(diskFault(error))
      // Those that were refused before have had their answer.
      for (const { settle } of batch) settle(outcome)
    }
  }

  /** Does what may move bytes from `edges/` to their places, alone. */
  async #move(work: () => Promise<void>): Promise<void> {
    const moving = this.#gate.alone(async () => {
      const had = this.have.copy()
      try {
        await work()
      } finally {
        for (const piece of had) if (!this.have.has(piece)) this.onLost?.(piece)
      }
    })
    const settled = moving.catch(() => {})
    this.#moving = settled
    try {
      await orDiskFault(moving)
    } finally {
      if (this.#moving === settled) this.#moving = undefined
    }
  }

  async #close(): Promise<void> {
    await this.#commits.idle()
    // A selection, then reads, then losses that these found.
    await this.#gate.pass().catch(() => {})
    await this.#gate.idle()
    await this.#gate.pass().catch(() => {})
    if (this.#opened === undefined) await this.#parts.pool.close()
    else await closeStore(this.#opened, this.#writer!)
  }
}

function failed(error: AtError): CommitOutcome {
  return { kind: "failed", error }
}

function misuse(message: string): AtError {
  return new AtError("AT_BUG", message, { hint: "please report this" })
}
