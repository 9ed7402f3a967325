import type { Disk, FileHandle } from "../ports/disk.js"
import { JournalChanges } from "./journal-changes.js"
import { decodeJournal, JournalEncoder, type JournalHeader } from "./journal-format.js"
import { type FileStamp, JournalState, PieceState } from "./journal-state.js"
import { firstBytes, withFile } from "./read-file.js"

/** A journal that grew this many times beyond what it says is written anew. */
const GROWTH = 4
/** Bytes below which nobody minds: of so short a one all is read, whatever it names (MAX_MENTIONS_PER_PIECE). */
const SMALL = 8 * 1024
/** A journal longer than this is not one of ours: it is not read into memory. */
export const MAX_JOURNAL_LENGTH = 256 * 2 ** 20

export interface JournalOptions {
  readonly disk: Disk
  readonly path: string
  /** The folder it lies in. */
  readonly folder: string
  readonly header: JournalHeader
  readonly pieceCount: number
  readonly fileCount: number
  readonly bootId: string
}

/**
 * The book of what is on the disk. What is set counts at once in {@link state} and is appended with whatever else is set
 * in the same turn or while an append is under way: `flush` waits for that. One append at a time.
 *
 * A failed append leaves its changes to be written with the next one, over the torn bytes.
 */
export class Journal {
  readonly state: JournalState
  readonly #options: JournalOptions
  #handle: FileHandle | undefined
  /** Bytes that are whole. */
  #length: number
  #checksum: number | undefined
  /** Whether the claims in the file are ours by now, and our OPEN record stands behind them. */
  #owner: "another" | "we" | "we, as the file says" = "another"
  #discarded = false
  #appended = false
  readonly #changes = new JournalChanges()
  /** The append that has not begun; changes join it. */
  #queued: Promise<void> | undefined
  /** The append that is under way. */
  #appending: Promise<void> | undefined
  /** The last thing done to the file; never rejects. */
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(options: JournalOptions, state: JournalState, length: number, checksum: number | undefined) {
    this.#options = options
    this.state = state
    this.#length = length
    this.#checksum = checksum
  }

  /** Undefined when there is none, or none that can be believed. Nothing is written before the first change. */
  static async read(options: JournalOptions): Promise<Journal | undefined> {
    const found = await options.disk.stat(options.path)
    if (found?.kind !== "file" || found.size > MAX_JOURNAL_LENGTH) return undefined
    const bytes = await withFile(options.disk, options.path, (handle) => firstBytes(handle, found.size))
    const decoded = decodeJournal(bytes, { infoHash: options.header.infoHash, ...options })
    return decoded && new Journal(options, decoded.state, decoded.length, decoded.checksum)
  }

  /** One that says nothing yet and is not on the disk before {@link rewrite}. */
  static blank(options: JournalOptions): Journal {
    return new Journal(options, new JournalState(options.pieceCount, options.fileCount), 0, undefined)
  }

  /**
   * From here on the claims are this process's: the next append says so, after all changes. Before, what an earlier start
   * of the machine left would look like ours.
   */
  takeOver(): void {
    if (this.#owner === "another") this.#owner = "we"
  }

  setPiece(piece: number, state: PieceState): void {
    if (this.state.pieces[piece] === state) return
    this.state.pieces[piece] = state
    this.#changes.pieces.add(piece)
  }

  setOurs(file: number): void {
    if (this.state.ours.add(file)) this.#changes.files.add(file)
  }

  setHome(file: number): void {
    this.setOurs(file)
    if (this.state.home.add(file)) this.#changes.files.add(file)
  }

  /** The file is gone: what other pieces hold of it stands in `edges/` from now on. */
  setAway(file: number): void {
    if (this.state.home.delete(file)) this.#changes.files.add(file)
  }

  /** What stands in the file's place is somebody else's, or may be. */
  setForeign(file: number): void {
    this.setAway(file)
    if (this.state.ours.delete(file)) this.#changes.files.add(file)
  }

  /** Undefined: it is being written to. */
  setStamp(file: number, stamp: FileStamp | undefined): void {
    if (stamp === undefined) {
      if (!this.state.stamps.delete(file)) return
    } else {
      this.state.stamps.set(file, stamp)
    }
    this.#changes.stamps.add(file)
  }

  /** True when something was set that is not in the file. */
  get changed(): boolean {
    return this.#changes.any
  }

  /** Nothing was set since it was read. */
  get isAsRead(): boolean {
    return !this.#appended && !this.changed
  }

  /** All that was set so far has been handed to the operating system. */
  flush(): Promise<void> {
    this.#queued ??= this.#inOrder(() => {
      this.#queued = undefined
      const append = this.#append()
      this.#appending = append
      const end = (): void => {
        this.#appending = undefined
      }
      append.then(end, end)
      return append
    })
    return this.#queued
  }

  /** What was set of these pieces, and of any file, has been handed to the operating system. */
  flushed(pieces: readonly number[]): Promise<void> {
    if (this.#changes.ofFiles || pieces.some((piece) => this.#changes.pieces.has(piece))) return this.flush()
    return this.#appending ?? Promise.resolve()
  }

  /** All that was set so far is on the disk itself, and what an earlier process wrote. */
  async sync(): Promise<void> {
    await this.flush()
    if (this.#discarded) return
    const handle = await this.#inOrder(() => this.#openAtEnd())
    await handle.sync()
  }

  /** Replaces the file by one that says the same, durably. */
  rewrite(): Promise<void> {
    return this.#inOrder(() => this.#replace(false))
  }

  /**
   * The last record: all is as the journal says. Pieces that were only begun are given up: nobody is writing them.
   * A journal that was never changed keeps the clean mark it has.
   */
  async markClean(): Promise<void> {
    if (this.#owner !== "we, as the file says" && !this.changed && this.state.clean) return
    for (let piece = 0; piece < this.state.pieces.length; piece++) {
      if (this.state.pieces[piece] === PieceState.begun) this.setPiece(piece, PieceState.absent)
    }
    await this.#inOrder(async () => {
      if (this.#length > SMALL && this.#length > GROWTH * this.#encodeAll(false).finish().length) {
        await this.#replace(true)
      } else {
        await this.#append(true)
      }
      this.state.clean = true
    })
  }

  /** Gives the file back; what was not flushed is dropped. */
  async close(): Promise<void> {
    await this.#tail
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  /** For when nothing that it says can be relied on: the next start checks everything. */
  async discard(): Promise<void> {
    this.#discarded = true
    await this.close()
    await this.#options.disk.remove(this.#options.path)
  }

  #inOrder<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(action)
    this.#tail = result.catch(() => {})
    return result
  }

  async #append(clean = false): Promise<void> {
    if (this.#discarded || (!this.changed && !clean)) return
    const encoder = new JournalEncoder(this.#checksum)
    if (this.#checksum === undefined) encoder.header(this.#options.header)
    const changes = this.#changes.take()
    changes.encode(encoder, this.state)
    if (this.#owner === "we") encoder.open(this.#options.bootId)
    if (clean) encoder.clean()
    const bytes = encoder.finish()
    try {
      const handle = await this.#openAtEnd()
      await handle.write([bytes], this.#length)
    } catch (error) {
      this.#changes.add(changes)
      throw error
    }
    this.#advance(this.#length + bytes.length, encoder.checksum)
  }

  #advance(length: number, checksum: number): void {
    this.#length = length
    this.#checksum = checksum
    this.#appended = true
    this.state.clean = false
    if (this.#owner === "another") return
    this.#owner = "we, as the file says"
    this.state.bootId = this.#options.bootId
  }

  /** The handle, the torn tail of the last owner cut off. */
  async #openAtEnd(): Promise<FileHandle> {
    if (this.#handle !== undefined) return this.#handle
    const handle = await this.#options.disk.open(this.#options.path, "create")
    try {
      await handle.truncate(this.#length)
    } catch (error) {
      await handle.close().catch(() => {})
      throw error
    }
    this.#handle = handle
    return handle
  }

  async #replace(clean: boolean): Promise<void> {
    const { disk, path, folder } = this.#options
    const changes = this.#changes.take()
    const fresh = `${path}.new`
    let handle: FileHandle | undefined
    try {
      const encoder = this.#encodeAll(clean)
      const bytes = encoder.finish()
      handle = await disk.open(fresh, "create")
      await handle.truncate(0)
      await handle.write([bytes], 0)
      await handle.sync()
      await disk.rename(fresh, path)
      const old = this.#handle
      this.#handle = handle
      handle = undefined
      this.#advance(bytes.length, encoder.checksum)
      await old?.close()
      await disk.syncDirectory(folder)
    } catch (error) {
      this.#changes.add(changes)
      await handle?.close().catch(() => {})
      throw error
    }
  }

  #encodeAll(clean: boolean): JournalEncoder {
    const encoder = new JournalEncoder()
    encoder.header(this.#options.header)
    encoder.everything(this.state)
    encoder.open(this.#options.bootId)
    if (clean) encoder.clean()
    return encoder
  }
}
