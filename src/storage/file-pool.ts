import { type Disk, DiskError, type FileHandle, type OpenMode } from "../ports/disk.js"

/** libtorrent keeps 40 files open; a dataset of many small files gains nothing from more than its parallel writes. */
const DEFAULT_LIMIT = 64

interface OpenFile {
  readonly writable: boolean
  readonly handle: Promise<FileHandle>
  users: number
  /** Set when it is no longer in the pool and closes as soon as nobody uses it. */
  retired: (() => void) | undefined
}

/**
 * Open files, the least recently used closed when there are too many, and never under an operation.
 *
 * They are known by a key of the caller's, not by their paths: a file keeps its handle while it is renamed.
 */
export class FilePool {
  readonly #disk: Disk
  readonly #limit: number
  readonly #onCloseError: (error: unknown) => void
  /** Least recently used first. */
  readonly #open = new Map<string, OpenFile>()
  readonly #waiting: (() => void)[] = []
  readonly #closing = new Set<Promise<void>>()

  /** `onCloseError`: what was written to some file may be lost. */
  constructor(options: { disk: Disk; limit?: number; onCloseError?: (error: unknown) => void }) {
    this.#disk = options.disk
    this.#limit = options.limit ?? DEFAULT_LIMIT
    this.#onCloseError = options.onCloseError ?? (() => {})
  }

  /** Runs `action` with the file, opened if need be at the path it has then. The handle is not to be closed or kept. */
  async use<T>(
    key: string,
    path: () => string,
    mode: OpenMode,
    action: (handle: FileHandle) => Promise<T>,
  ): Promise<T> {
    const file = await this.#enter(key, path, mode)
    try {
      const handle = await file.handle
      return await action(handle)
    } finally {
      this.#leave(file)
    }
  }

  /** As {@link use}, with several files at once: few, since each takes a place that others may wait for. */
  async useAll<T>(
    files: readonly { readonly key: string; readonly current: string }[],
    mode: OpenMode,
    action: (handles: readonly FileHandle[]) => Promise<T>,
    open: readonly FileHandle[] = [],
  ): Promise<T> {
    const next = files[open.length]
    if (next === undefined) return action(open)
    return this.use(
      next.key,
      () => next.current,
      mode,
      (handle) => this.useAll(files, mode, action, [...open, handle]),
    )
  }

  /** Closes the file once nobody uses it; the next use opens it anew. */
  async forget(key: string): Promise<void> {
    const file = this.#open.get(key)
    if (file !== undefined) await this.#retire(key, file)
  }

  /** Waits for the operations under way, and closes all. */
  async close(): Promise<void> {
    for (const [key, file] of this.#open) void this.#retire(key, file)
    await Promise.all(this.#closing)
  }

  async #enter(key: string, path: () => string, mode: OpenMode): Promise<OpenFile> {
    for (;;) {
      const known = this.#open.get(key)
      if (known !== undefined && (mode === "read" || known.writable)) {
        this.#open.delete(key)
        this.#open.set(key, known)
        known.users++
        return known
      }
      if (known !== undefined) {
        await this.#retire(key, known)
      } else if (this.#open.size < this.#limit || this.#evict()) {
        return this.#add(key, path, mode)
      } else {
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
    }
  }

  #add(key: string, path: () => string, mode: OpenMode): OpenFile {
    const handle = this.#openAt(path, mode)
    const file: OpenFile = { writable: mode !== "read", handle, users: 1, retired: undefined }
    this.#open.set(key, file)
    handle.catch(() => {
      if (this.#open.get(key) === file) this.#open.delete(key)
      this.#wakeOne()
    })
    return file
  }

  async #openAt(path: () => string, mode: OpenMode): Promise<FileHandle> {
    const first = path()
    try {
      return await this.#disk.open(first, mode)
    } catch (error) {
      // Renamed while it was being opened.
      if (!(error instanceof DiskError) || error.failure !== "missing" || path() === first) throw error
    }
    return this.#disk.open(path(), mode)
  }

  #leave(file: OpenFile): void {
    file.users--
    if (file.users > 0) return
    file.retired?.()
    this.#wakeOne()
  }

  #wakeOne(): void {
    this.#waiting.shift()?.()
  }

  /** False when all are in use. */
  #evict(): boolean {
    for (const [key, file] of this.#open) {
      if (file.users > 0) continue
      void this.#retire(key, file)
      return true
    }
    return false
  }

  #retire(key: string, file: OpenFile): Promise<void> {
    if (this.#open.get(key) === file) this.#open.delete(key)
    const idle = file.users === 0 ? Promise.resolve() : new Promise<void>((resolve) => (file.retired = resolve))
    const closed = idle
      .then(() => file.handle)
      .then(
        (handle) => handle.close().catch((error: unknown) => this.#onCloseError(error)),
        () => {},
      )
      .finally(() => {
        this.#closing.delete(closed)
        this.#wakeOne()
      })
    this.#closing.add(closed)
    return closed
  }
}
