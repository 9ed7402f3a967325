import { type Disk, DiskError, type FileHandle, type OpenMode } from "../ports/disk.js"
import type { Directories } from "./directories.js"
import type { FilePool } from "./file-pool.js"

/**
 * Where the bytes of files that nobody wants stay, when a wanted piece holds some: `edges/PIECE`, at their places in the
 * piece. So the piece can be checked and given to others, and the unwanted file is not made.
 */
export class Edges {
  readonly folder: string
  readonly #disk: Disk
  readonly #pool: FilePool
  readonly #directories: Directories
  readonly #pieces: Set<number>

  private constructor(options: EdgesOptions, pieces: Set<number>) {
    this.folder = options.folder
    this.#disk = options.disk
    this.#pool = options.pool
    this.#directories = options.directories
    this.#pieces = pieces
  }

  static async load(options: EdgesOptions): Promise<Edges> {
    const found = await options.disk.stat(options.folder)
    const names = found?.kind === "directory" ? await options.disk.list(options.folder) : []
    return new Edges(options, new Set(names.filter((name) => /^(0|[1-9]\d{0,9})$/.test(name)).map(Number)))
  }

  get pieces(): ReadonlySet<number> {
    return this.#pieces
  }

  pathOf(piece: number): string {
    return `${this.folder}/${piece}`
  }

  async write(piece: number, position: number, bytes: Uint8Array): Promise<void> {
    await this.#directories.ensure(this.folder)
    await this.#use(piece, "create", (handle) => handle.write([bytes], position))
    this.#pieces.add(piece)
    this.#directories.changed(this.folder)
  }

  /** False when the bytes are not all there. */
  async read(piece: number, position: number, into: Uint8Array): Promise<boolean> {
    if (!this.#pieces.has(piece)) return false
    try {
      return (await this.#use(piece, "read", (handle) => handle.read(into, position))) === into.length
    } catch (error) {
      if (error instanceof DiskError && error.failure === "missing") return false
      throw error
    }
  }

  /** `unknown`: it is gone. */
  async sync(piece: number): Promise<"synced" | "unknown"> {
    try {
      await this.#use(piece, "write", (handle) => handle.sync())
      return "synced"
    } catch (error) {
      if (error instanceof DiskError && error.failure === "missing") return "unknown"
      throw error
    }
  }

  async remove(piece: number): Promise<void> {
    if (!this.#pieces.delete(piece)) return
    await this.#pool.forget(keyOf(piece))
    await this.#disk.remove(this.pathOf(piece))
  }

  #use<T>(piece: number, mode: OpenMode, action: (handle: FileHandle) => Promise<T>): Promise<T> {
    return this.#pool.use(keyOf(piece), () => this.pathOf(piece), mode, action)
  }
}

export interface EdgesOptions {
  readonly disk: Disk
  readonly pool: FilePool
  /** Absolute. */
  readonly folder: string
  readonly directories: Directories
}

function keyOf(piece: number): string {
  return `edge ${piece}`
}
