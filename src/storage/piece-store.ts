import { Bitfield } from "../bytes/bitfield.js"
import { AtError } from "../errors.js"
import { DiskError } from "../ports/disk.js"
import { arrange } from "./arrange.js"
import { type DataFile, DOUBTFUL_STAMP } from "./data-file.js"
import { diskFault } from "./disk-fault.js"
import { PieceState } from "./journal-state.js"
import { openReadOnly, type ReadOnlyOptions } from "./open-read-only.js"
import { type OpenedStore, openStore, type PieceStoreOptions, selectFiles, wantedPieces } from "./open-store.js"
import { inParallel } from "./parallel.js"
import { expectedDigest, type StoreParts, sameBytes } from "./parts.js"
import { type Slot, Slots, slotBudget } from "./slots.js"
import { isGone, VerifiedReader } from "./verified-reader.js"

/** What became of a piece. After `corrupt` and `failed` it is missing, and may be committed again. */
export type CommitOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "corrupt" }
  | { readonly kind: "failed"; readonly error: AtError }

const STORED: CommitOutcome = { kind: "stored" }
const CORRUPT: CommitOutcome = { kind: "corrupt" }
/** Files given their names, or looked at, at a time. */
const PARALLEL_FILES = 16

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
  /** A piece that was claimed is not there any more. */
  onLost: ((piece: number) => void) | undefined
  readonly #parts: StoreParts
  /** Absent when nothing is ever written. */
  readonly #opened: OpenedStore | undefined
  readonly #reader: VerifiedReader
  #wanted: Bitfield
  /** What a commit waits for before it touches the journal; replaced when there is more to wait for. */
  #ready: Promise<void>
  /** Pieces being hashed and written, and reads. */
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #committing = new Set<number>()
  /** Nothing is written any more. */
  #fault: AtError | undefined
  /** A sync of losses is about to begin. */
  #losing = false
  /** The journal is being told of the fault. */
  #distrusting: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  private constructor(path: string, parts: StoreParts, opened: OpenedStore | undefined) {
    const { layout } = parts.metainfo
    this.path = path
    this.have = parts.have
    this.#parts = parts
    this.#opened = opened
    this.#ready = opened?.ready ?? Promise.resolve()
    this.#wanted = wantedPieces(parts.files)
    this.#reader = new VerifiedReader(parts, {
      onPieceLost: (piece) => this.#lose(piece),
      onFileGone: (file) => this.#fileGone(file),
      onFileDoubtful: (file) => this.#fileDoubtful(file),
    })
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
    let hear: (error: unknown) => void = () => {}
    try {
      const opened = await openStore(options, (error) => hear(error))
      const store = new PieceStore(`${options.datastore}/${options.metainfo.name}`, opened, opened)
      hear = (error) => store.#onFault(error)
      return store
    } catch (error) {
      throw diskFault(error)
    }
  }

  /**
   * Data that is only read, wherever it stands; nothing is written there, no state is kept. `commit` and `select` fail.
   * @throws AtError `AT_DISK_IO`, `AT_UNSAFE_PATH`, `AT_EXISTS`, `AT_ABORTED`
   */
  static async openReadOnly(options: ReadOnlyOptions): Promise<PieceStore> {
    try {
      return new PieceStore(options.dataPath, await openReadOnly(options), undefined)
    } catch (error) {
      throw diskFault(error)
    }
  }

  /** Pieces that the selected files need. */
  get wanted(): Bitfield {
    return this.#wanted
  }

  /** Hashes a full piece, and writes it if it is right. The slot's bytes must stay as they are until it settles. */
  async commit(piece: number, slot: Slot): Promise<CommitOutcome> {
    if (this.#closed !== undefined) return { kind: "failed", error: misuse("the store is closed") }
    if (this.#opened === undefined) return { kind: "failed", error: misuse("the store is open for reading") }
    if (this.#committing.has(piece)) return { kind: "failed", error: misuse(`piece ${piece} is being written`) }
    this.#committing.add(piece)
    try {
      await this.#whenReady()
      return await this.#track(this.#commit(piece, slot, this.#opened))
    } catch (error) {
      return { kind: "failed", error: await this.#explain(piece, error) }
    } finally {
      this.#committing.delete(piece)
    }
  }

  /**
   * Verified bytes, from the disk.
   * @throws AtError `AT_CORRUPT` when they are no longer what was verified: the piece is then lost; `AT_DISK_IO`
   */
  async read(piece: number, begin: number, into: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) throw misuse("the store is closed")
    try {
      await this.#track(this.#reader.read(piece, begin, into))
    } catch (error) {
      throw diskFault(error)
    }
  }

  /**
   * Other files are wanted from now on (indexes). What is there of the newly wanted is taken in.
   * @throws AtError as {@link open} does
   */
  async select(selected: ReadonlySet<number>): Promise<void> {
    const opened = this.#opened
    if (this.#closed !== undefined) throw misuse("the store is closed")
    if (opened === undefined) throw misuse("the store is open for reading")
    const before = this.#ready
    const selecting = before.then(() => this.#select(selected, opened))
    // Commits go on, with the old selection or the new one, when this has ended.
    this.#ready = selecting.catch(() => before)
    try {
      await selecting
    } catch (error) {
      throw diskFault(error)
    }
  }

  /** Whether the file stands under its final name, verified. */
  fileComplete(index: number): boolean {
    const file = this.#parts.files.all[index]
    return file === undefined || (file.place === "final" && file.missing === 0)
  }

  /** All that was stored is on the disk itself. @throws AtError `AT_DISK_IO` when it can't be brought there */
  async flush(): Promise<void> {
    if (this.#opened === undefined) return
    try {
      await this.#whenReady()
      await this.#opened.durability.flush()
    } catch (error) {
      throw diskFault(error)
    }
  }

  /**
   * Lets what is under way end, and leaves the books in order: a clean mark always, syncs as far as they take no longer
   * than about a second. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #lose(piece: number): void {
    if (!this.have.delete(piece)) return
    const { files, metainfo, platform } = this.#parts
    for (const { file } of metainfo.layout.extentsOfPiece(piece)) files.at(file).missing++
    platform.log.log("warn", "storage", `piece ${piece} is no longer on the disk as it was verified`)
    this.#opened?.journal.setPiece(piece, PieceState.absent)
    this.#makeLossDurable()
    this.onLost?.(piece)
  }

  #fileGone(file: DataFile): void {
    const { metainfo, files } = this.#parts
    this.#opened?.journal.setStamp(file.index, undefined)
    this.#waitFor(files.disown(file))
    const { first, end } = metainfo.layout.piecesOfFile(file.index)
    for (let piece = first; piece < end; piece++) this.#lose(piece)
  }

  #fileDoubtful(file: DataFile): void {
    file.doubtful = true
    this.#opened?.journal.setStamp(file.index, DOUBTFUL_STAMP)
  }

  async #commit(piece: number, slot: Slot, { journal, durability, files, metainfo, platform }: OpenedStore) {
    if (this.#fault !== undefined) throw this.#fault
    if (this.have.has(piece)) {
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
    this.have.add(piece)
    durability.written(piece)
    for (const { file: index } of metainfo.layout.extentsOfPiece(piece)) {
      const file = files.at(index)
      file.missing--
      if (file.provisional) journal.setHome(index)
    }
    await this.#finishFiles(piece)
    return STORED
  }

  /** Tells the journal what is about to be written, before it is. */
  #begin(piece: number): Promise<void> {
    const { journal, files, metainfo } = this.#opened!
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
    const { journal } = this.#opened!
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
    const { journal, files, metainfo } = this.#opened!
    const complete = metainfo.layout
      .extentsOfPiece(piece)
      .map(({ file }) => files.at(file))
      .filter((file) => file.missing === 0 && (file.place === "part" || file.provisional))
    await inParallel(complete, PARALLEL_FILES, async (file) => {
      await files.finish(file)
      if (!file.doubtful) journal.setStamp(file.index, file.stamp)
    })
  }

  async #select(selected: ReadonlySet<number>, opened: OpenedStore): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await opened.durability.flush()
    const { files, journal } = opened
    const before = new Set(files.all.filter((file) => file?.selected === true))
    selectFiles(files, selected)
    const added = files.all.filter(
      (file): file is DataFile => file?.selected === true && !before.has(file) && file.place === "none",
    )
    const { pieceCount } = files.layout
    const had = Bitfield.fromBytes(this.have.bytes, pieceCount)!
    try {
      await arrange(opened, added, {
        verify: "auto",
        overwrite: opened.overwrite,
        before: "clean",
        decide: () => ({
          trusted: Bitfield.fromBytes(had.bytes, pieceCount)!,
          check: new Bitfield(pieceCount),
          sample: new Bitfield(pieceCount),
        }),
      })
      await journal.sync()
    } catch (error) {
      for (const file of files.all) if (file !== undefined) file.selected = before.has(file)
      for (const file of added) if (!journal.state.home.has(file.index)) await files.disown(file)
      throw error
    } finally {
      this.#wanted = wantedPieces(files)
      for (const piece of had) if (!this.have.has(piece)) this.onLost?.(piece)
    }
  }

  async #whenReady(): Promise<void> {
    for (let ready = this.#ready; ; ready = this.#ready) {
      await ready
      if (ready === this.#ready) return
    }
  }

  /** `close` and `select` wait for it. */
  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const done = (): void => {
      this.#underWay.delete(work)
    }
    work.then(done, done)
    return work
  }

  /** Commits wait for it. It must not fail. */
  #waitFor(work: Promise<void>): void {
    this.#ready = Promise.all([this.#ready, work]).then(() => {})
    this.#ready.catch(() => {})
  }

  /** Nothing is written over a lost piece before the journal stopped claiming it. */
  #makeLossDurable(): void {
    const journal = this.#opened?.journal
    if (journal === undefined || this.#fault !== undefined || this.#losing) return
    this.#losing = true
    const synced = Promise.resolve().then(() => {
      // All that is lost in one turn is told at once.
      this.#losing = false
      return journal.sync()
    })
    this.#waitFor(synced.catch((error: unknown) => this.#onFault(error)))
  }

  /** A sync failed: what was not durable before is not to be relied on, now or at the next start. */
  #onFault(error: unknown): void {
    if (this.#opened === undefined || this.#fault !== undefined) return
    this.#fault = diskFault(error)
    this.#parts.platform.log.log("warn", "storage", `a sync failed: ${this.#fault.message}`)
    const pieces = [...this.#opened.durability.stop(error)]
    for (const piece of pieces) {
      if (!this.have.delete(piece)) continue
      for (const { file } of this.#parts.metainfo.layout.extentsOfPiece(piece)) this.#parts.files.at(file).missing++
      this.onLost?.(piece)
    }
    this.#distrusting = this.#distrust(pieces)
  }

  async #distrust(pieces: readonly number[]): Promise<void> {
    const { journal } = this.#opened!
    for (const piece of pieces) journal.setPiece(piece, PieceState.begun)
    try {
      await journal.sync()
    } catch {
      // If not even that can be done, there is nothing left to keep.
      await journal.discard().catch((error: unknown) => {
        this.#parts.platform.log.log("warn", "storage", `the journal can't be removed: ${String(error)}`)
      })
    }
  }

  async #explain(piece: number, error: unknown): Promise<AtError> {
    if (error instanceof DiskError && error.failure === "missing") {
      for (const { file: index } of this.#parts.metainfo.layout.extentsOfPiece(piece)) {
        const file = this.#parts.files.at(index)
        if (await isGone(file, this.#parts)) this.#fileGone(file)
      }
    }
    return diskFault(error)
  }

  async #close(): Promise<void> {
    do {
      await Promise.allSettled([...this.#underWay, this.#whenReady()])
    } while (this.#underWay.size > 0 || this.#committing.size > 0)
    const { pool, platform } = this.#parts
    const opened = this.#opened
    try {
      await opened?.durability.finish()
      await pool.close()
      await this.#distrusting
      if (opened !== undefined && this.#fault === undefined) {
        await this.#stampFiles(opened)
        await opened.journal.markClean()
      }
    } catch (error) {
      // The next start finds no clean mark, and checks more.
      platform.log.log("warn", "storage", `no clean mark: ${diskFault(error).message}`)
    } finally {
      await opened?.journal.close().catch(() => {})
      // A lock that stays behind is taken over by the next process: ours is gone then.
      await opened?.lock.release().catch((error: unknown) => {
        platform.log.log("warn", "storage", `the lock can't be removed: ${diskFault(error).message}`)
      })
    }
  }

  async #stampFiles({ files, journal }: OpenedStore): Promise<void> {
    const written = files.all.filter(
      (file): file is DataFile =>
        file?.stamp === undefined && file !== undefined && file.place !== "none" && !file.doubtful,
    )
    await inParallel(written, PARALLEL_FILES, async (file) => {
      if (journal.state.home.has(file.index)) journal.setStamp(file.index, await files.stampNow(file))
    })
  }
}

function misuse(message: string): AtError {
  return new AtError("AT_BUG", message, { hint: "please report this" })
}
