import { abortError, isError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Disk } from "../ports/disk.js"
import type { DataFile } from "./data-file.js"
import type { DataFiles } from "./data-files.js"
import type { Journal } from "./journal.js"
import { PieceState } from "./journal-state.js"
import { inParallel } from "./parallel.js"

/** ms: so long is what a power cut may cost, to be hashed again, or fetched again if it is wrong. Counted from sync to sync. */
const BATCH_DELAY = 5_000
/** ms. Whoever closes does not wait longer for a sync that has not begun. */
const CLOSING_BUDGET = 100
/** Bytes per millisecond, until a batch has shown what the disk does: a hard disk's. */
const ASSUMED_PACE = 100_000
/**
 * Files and folders of one batch. What many small files would lose in a power cut is hashed again in less time than the
 * disk needs to sync them one by one, so they wait for their turn instead of holding up the download.
 */
const BATCH_SYNCS = 1_024
/** Syncs at a time: enough for the file system to put them together, few enough to leave threads to others. */
const PARALLEL = 3

/** Where a piece's bytes lie: files, and the piece's own number for what is in `edges/`. */
type Place = DataFile | number

/**
 * Brings written pieces to the disk itself, in the background: files, then folders, then the journal's word for it.
 *
 * A sync that fails ends this for good: the system may have dropped what it could not write, and say yes the next time.
 */
export class Durability {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #files: DataFiles
  readonly #layout: TorrentLayout
  readonly #journal: Journal
  readonly #onFault: (error: unknown) => void
  /** Written, and not yet known to be durable. */
  #pieces: number[] = []
  #bytes = 0
  /** Those of which the folders may not be durable either. */
  #leftOvers: number[] = []
  /** The journal claims less than it did, and the disk does not know. */
  #unclaimed = false
  /** Something is new since the store was opened. */
  #fresh = false
  readonly #folders = new Set<string>()
  #timer: Timer | undefined
  #running: Promise<void> | undefined
  /** Nothing is planned any more. */
  #stopped = false
  #fault: Error | undefined
  /** Bytes per millisecond of the last batch. */
  #pace = ASSUMED_PACE

  constructor(options: {
    clock: Clock
    disk: Disk
    files: DataFiles
    journal: Journal
    onFault: (error: unknown) => void
  }) {
    this.#clock = options.clock
    this.#disk = options.disk
    this.#files = options.files
    this.#layout = options.files.layout
    this.#journal = options.journal
    this.#onFault = options.onFault
  }

  /** A piece's bytes are with the operating system. */
  written(piece: number): void {
    this.#add(piece)
    this.#fresh = true
    this.#plan()
  }

  /** It was found to be right, whoever wrote it. */
  found(piece: number): void {
    this.leftOver(piece)
    this.#fresh = true
    this.#plan()
  }

  /** An earlier process wrote it, and did not wait for the disk. Alone this is no reason to sync at once, or at the end. */
  leftOver(piece: number): void {
    this.#add(piece)
    this.#leftOvers.push(piece)
    this.#plan()
  }

  /** Something was made or renamed in a folder. */
  changed(folder: string): void {
    this.#folders.add(folder)
    this.#fresh = true
    this.#plan()
  }

  /** The journal no longer claims what it did: that is to be durable, too. */
  unclaimed(): void {
    this.#unclaimed = true
    this.#fresh = true
    this.#plan()
  }

  /** All that was written or changed so far is durable. Rejects when a sync failed, or with `AT_ABORTED` on {@link abandon}. */
  async flush(): Promise<void> {
    do {
      // Nothing may be written any more once the journal is closed: it could be another process's by then.
      if (this.#stopped && this.#fault === undefined) throw abortError()
      await this.#start()
    } while (this.#pending)
  }

  /** The last batch, if nobody will notice how long it takes. Never rejects. */
  async finish(): Promise<void> {
    await this.abandon()
    if (this.#fault !== undefined || !this.#fresh || !this.#pending) return
    if (this.#bytes > this.#pace * CLOSING_BUDGET) return
    await this.#start(this.#clock.now() + CLOSING_BUDGET).catch(() => {})
  }

  /** Nothing more is synced; what is under way ends. Never rejects. */
  async abandon(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    await this.#running?.catch(() => {})
  }

  /** What was written is not to be relied on, and nothing is synced from here on. Returns the pieces that were not durable. */
  stop(error: unknown): readonly number[] {
    this.#stopped = true
    this.#fault ??= toError(error)
    this.#cancelTimer()
    return this.#pieces
  }

  get #pending(): boolean {
    return this.#pieces.length > 0 || this.#folders.size > 0 || this.#unclaimed
  }

  #add(piece: number): void {
    this.#pieces.push(piece)
    this.#bytes += this.#layout.pieceSize(piece)
  }

  #addFolders(piece: number): void {
    for (const { file } of this.#layout.extentsOfPiece(piece)) {
      for (const folder of this.#files.foldersOf(this.#files.at(file))) this.#folders.add(folder)
    }
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #plan(): void {
    if (this.#stopped || this.#running !== undefined) return
    this.#timer ??= this.#clock.after(BATCH_DELAY, () => {
      // Its failure is told to `onFault`.
      this.#start().catch(() => {})
    })
  }

  #start(deadline = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault)
    this.#cancelTimer()
    this.#running ??= this.#batch(deadline)
      .catch((error: unknown) => {
        this.#fault ??= toError(error)
        this.#onFault(error)
        throw error
      })
      .finally(() => {
        this.#running = undefined
        if (this.#pending) this.#plan()
      })
    return this.#running
  }

  async #batch(deadline: number): Promise<void> {
    for (const piece of this.#leftOvers) this.#addFolders(piece)
    this.#leftOvers = []
    const { pieces, places, folders } = this.#take()
    const known = this.#pieces.length
    const began = this.#clock.now()
    const safe = await this.#syncData(places, deadline)
    if (this.#clock.now() < deadline) {
      await inParallel(folders, PARALLEL, (folder) => this.#disk.syncDirectory(folder))
      // Lost and written anew since the syncs began.
      const again = new Set(this.#pieces.slice(known))
      for (const piece of pieces) {
        if (!again.has(piece) && this.#isSafe(piece, safe)) this.#journal.setPiece(piece, PieceState.done)
      }
      this.#unclaimed = false
      await this.#journal.sync()
    }
    this.#pieces = this.#pieces.slice(pieces.length)
    const bytes = pieces.reduce((sum, piece) => sum + this.#layout.pieceSize(piece), 0)
    this.#bytes -= bytes
    if (bytes > 0) this.#pace = bytes / Math.max(1, this.#clock.now() - began)
  }

  /** What the next batch is about: the pieces that have waited longest, and the folders they need first of all. */
  #take(): { pieces: readonly number[]; places: ReadonlySet<Place>; folders: ReadonlySet<string> } {
    const places = new Set<Place>()
    const folders = new Set<string>()
    const takeFolder = (folder: string): void => {
      if (this.#folders.delete(folder)) folders.add(folder)
    }
    let count = 0
    while (count < this.#pieces.length && places.size + folders.size < BATCH_SYNCS) {
      this.#eachPlace(this.#pieces[count++]!, (place) => {
        if (places.has(place)) return
        places.add(place)
        if (typeof place !== "number") for (const folder of this.#files.foldersOf(place)) takeFolder(folder)
      })
    }
    for (const folder of this.#folders) {
      if (places.size + folders.size >= BATCH_SYNCS) break
      takeFolder(folder)
    }
    return { pieces: this.#pieces.slice(0, count), places, folders }
  }

  /** Those that are on the disk itself now. */
  async #syncData(places: ReadonlySet<Place>, deadline: number): Promise<ReadonlySet<Place>> {
    const safe = new Set<Place>()
    await inParallel(places, PARALLEL, async (place) => {
      if (this.#clock.now() >= deadline) return
      const outcome = typeof place === "number" ? await this.#files.edges?.sync(place) : await this.#files.sync(place)
      if (outcome === "synced") safe.add(place)
    })
    return safe
  }

  #eachPlace(piece: number, visit: (place: Place) => void): void {
    this.#layout.eachFileOfPiece(piece, (index) => {
      const file = this.#files.at(index)
      visit(file.inEdges ? piece : file)
    })
  }

  /** A piece that was lost meanwhile is not. */
  #isSafe(piece: number, safe: ReadonlySet<Place>): boolean {
    if (this.#journal.state.pieces[piece] !== PieceState.written) return false
    let allSafe = true
    this.#eachPlace(piece, (place) => {
      allSafe &&= safe.has(place)
    })
    return allSafe
  }
}

function toError(error: unknown): Error {
  return isError(error) ? error : new Error(String(error))
}
