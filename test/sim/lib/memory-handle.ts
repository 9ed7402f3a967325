import { DiskError, type FileHandle, type FileStat, type OpenMode } from "../../../src/ports/disk.js"
import type { DiskOperation } from "./disk-faults.js"
import type { MemoryFile } from "./memory-file.js"
import { statOf } from "./memory-tree.js"

/** What a handle asks of its disk. */
export interface HandleDisk {
  operate<T>(asked: Omit<DiskOperation, "index">, effect: () => T, onFault?: () => void): Promise<T>
  write(file: MemoryFile, path: string, chunks: readonly Uint8Array[], position: number): Promise<void>
  truncate(file: MemoryFile, length: number): void
}

/** `close` waits for what is under way; what comes after it fails. */
export class MemoryHandle implements FileHandle {
  readonly #disk: HandleDisk
  readonly #path: string
  readonly #file: MemoryFile
  readonly #mode: OpenMode
  readonly #underWay = new Set<Promise<unknown>>()
  #closed: Promise<void> | undefined

  constructor(disk: HandleDisk, path: string, file: MemoryFile, mode: OpenMode) {
    this.#disk = disk
    this.#path = path
    this.#file = file
    this.#mode = mode
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const asked = { kind: "read", path: this.#path, position, length: into.length } as const
    return this.#use("read", () => this.#disk.operate(asked, () => this.#file.read(into, position)))
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#use("write", () => this.#disk.write(this.#file, this.#path, chunks, position))
  }

  truncate(length: number): Promise<void> {
    const asked = { kind: "truncate", path: this.#path, length } as const
    return this.#use("write", () => this.#disk.operate(asked, () => this.#disk.truncate(this.#file, length)))
  }

  stat(): Promise<FileStat> {
    return this.#use("read", () =>
      this.#disk.operate({ kind: "stat-handle", path: this.#path }, () => statOf(this.#file)),
    )
  }

  sync(): Promise<void> {
    const [sync, fail] = [() => this.#file.sync(), () => this.#file.failSync()]
    return this.#use("read", () => this.#disk.operate({ kind: "sync", path: this.#path }, sync, fail))
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay).then(() =>
      this.#disk.operate({ kind: "close", path: this.#path }, () => {}),
    )
    return this.#closed
  }

  async #use<T>(use: "read" | "write", start: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new DiskError("io", this.#path, `${this.#path}: used after it was closed`)
    if (use === "write" && this.#mode === "read")
      throw new DiskError("io", this.#path, `${this.#path}: open for reading`)
    const promise = start()
    this.#underWay.add(promise)
    try {
      return await promise
    } finally {
      this.#underWay.delete(promise)
    }
  }
}
