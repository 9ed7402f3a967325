import type { Clock } from "../../../src/ports/clock.js"
import {
  type Disk,
  DiskError,
  type DiskFailure,
  type FileHandle,
  type FileStat,
  type NewName,
  type OpenMode,
  type SmallWrite,
} from "../../../src/ports/disk.js"
import { concat } from "../../support/bytes.js"
import { DiskFaults, type DiskOperation, isChange } from "./disk-faults.js"
import { MemoryFile } from "./memory-file.js"
import { MemoryHandle } from "./memory-handle.js"
import { statOf } from "./memory-tree.js"
import { MemoryVolume } from "./memory-volume.js"
import type { SimRandom } from "./sim-random.js"

export interface MemoryDiskOptions {
  readonly clock: Clock
  readonly random: SimRandom
  /** Space for new pages of 4 KiB; 1 TiB if not given. */
  readonly freeBytes?: number
  /** An operation takes up to this long, in milliseconds; concurrent ones end in any order. */
  readonly delay?: number
}

/** A write under way when its process dies. */
interface PendingWrite {
  readonly file: MemoryFile
  readonly chunks: readonly Uint8Array[]
  readonly position: number
}

/**
 * A file system in memory. An operation takes effect at the moment it completes, one event of the clock; a write reads
 * its source at that moment, so memory used again too early ends up as wrong bytes in the file, as it may on a machine.
 */
export class MemoryDisk implements Disk {
  /** All that was asked for, in order. */
  readonly operations: DiskOperation[] = []
  readonly faults = new DiskFaults()
  readonly #heldLocks = new Set<string>()
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #delay: number
  readonly #pendingWrites = new Set<PendingWrite>()
  readonly #forbidden = new Map<string, DiskFailure>()
  #volume: MemoryVolume
  #boot = 1

  constructor(options: MemoryDiskOptions) {
    this.#clock = options.clock
    this.#random = options.random
    this.#delay = options.delay ?? 1
    this.#volume = new MemoryVolume(options.freeBytes ?? 2 ** 40, stampsOf(options.clock))
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.operate(
      { kind: "open", path, mode },
      () => new MemoryHandle(this, path, this.#volume.open(path, mode), mode),
    )
  }

  async writeFiles(writes: readonly SmallWrite[]): Promise<(FileStat | undefined)[]> {
    const stats: (FileStat | undefined)[] = []
    for (const write of writes) stats.push(await this.#writeFile(write))
    return stats
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.operate({ kind: "stat", path }, () => {
      const node = this.#volume.find(path)
      return node === undefined ? undefined : statOf(node)
    })
  }

  makeDirectory(path: string): Promise<void> {
    return this.operate({ kind: "make-directory", path }, () => this.#volume.makeDirectory(path, "logged"))
  }

  list(path: string): Promise<string[]> {
    return this.operate({ kind: "list", path }, () => [...this.#volume.tree.directory(path).entries.keys()])
  }

  rename(from: string, to: string): Promise<void> {
    return this.operate({ kind: "rename", path: from, to }, () => this.#volume.rename(from, to))
  }

  async nameFiles(names: readonly NewName[]): Promise<boolean[]> {
    const named: boolean[] = []
    for (const { from, to } of names) {
      const isFree = (await this.stat(to).catch(() => null)) === undefined
      named.push(
        isFree &&
          (await this.rename(from, to).then(
            () => true,
            () => false,
          )),
      )
    }
    return named
  }

  remove(path: string): Promise<void> {
    return this.operate({ kind: "remove", path }, () => this.#volume.remove(path))
  }

  removeDirectory(path: string): Promise<void> {
    return this.operate({ kind: "remove-directory", path }, () => this.#volume.removeDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.operate({ kind: "sync-directory", path }, () =>
      this.#volume.tree.sync(this.#volume.tree.directory(path)),
    )
  }

  freeBytes(path: string): Promise<number> {
    return this.operate({ kind: "free-bytes", path }, () => {
      this.#volume.tree.directory(path)
      return this.#volume.free
    })
  }

  bootId(): Promise<string> {
    return Promise.resolve(`boot-${this.#boot}`)
  }

  // What a test does to it. All of this is at once, and safe from crashes.

  /** The `when`-th operation from now on (0: the next), or those that match, fail. See {@link DiskFaults.add}. */
  failAt(
    when: number | ((operation: DiskOperation) => boolean),
    failure: DiskFailure,
    times: "once" | "forever" = "once",
  ): void {
    this.faults.add(typeof when === "number" ? when + this.operations.length : when, failure, times)
  }

  setFreeBytes(bytes: number): void {
    this.#volume.free = bytes
  }

  /** Refuses every change at and below `path`, until `allow`. */
  forbid(path: string, failure: "permission" | "read-only"): void {
    this.#forbidden.set(path, failure)
  }

  allow(path: string): void {
    this.#forbidden.delete(path)
  }

  putDirectory(path: string): void {
    this.#volume.makeDirectory(path, "safe")
  }

  /** `inode`: for a number that another file had, as file systems give it again. */
  putFile(path: string, data: Uint8Array, inode?: bigint): void {
    const file = this.#volume.newFile(inode)
    file.write(data, 0)
    file.sync()
    this.#volume.put(path, file)
  }

  /** A symbolic link; `target` is absolute. */
  putLink(path: string, target: string): void {
    this.#volume.put(path, this.#volume.newLink(target))
  }

  /** Changes one byte and nothing else, as bad hardware does. */
  flipByte(path: string, position: number): void {
    const file = this.#volume.find(path)
    if (!(file instanceof MemoryFile)) throw new TypeError(`no file: ${path}`)
    file.flip(position)
  }

  /** The whole file as programs see it, or undefined. */
  readFile(path: string): Uint8Array | undefined {
    const file = this.#volume.find(path)
    if (!(file instanceof MemoryFile)) return undefined
    const data = new Uint8Array(file.size)
    file.read(data, 0)
    return data
  }

  /** Paths of all files, sorted. */
  filePaths(): string[] {
    return [...this.#volume.tree.files()].map(([path]) => path)
  }

  /** Would a power cut now lose nothing? */
  get isSafe(): boolean {
    return this.#volume.tree.isSafe && [...this.#volume.tree.files()].every(([, file]) => file.isSafe)
  }

  /**
   * What a process finds that starts after this one was killed: everything, writes under way in part. The original
   * goes on as if nothing had happened; each `sample` takes its chances anew.
   */
  fork(options: { clock?: Clock; sample?: number } = {}): MemoryDisk {
    const random = this.#random.fork(`after ${this.operations.length} operations, ${options.sample ?? 0}`)
    const fork = this.#copy(options.clock ?? this.#clock, random)
    const files = new Map([...fork.#volume.tree.files()].map(([, file]) => [file.inode, file]))
    for (const { file, chunks, position } of this.#pendingWrites) {
      const data = concat(chunks)
      const copy = files.get(file.inode)
      if (copy !== undefined) fork.#volume.write(copy, data.subarray(0, random.below(data.length + 1)), position)
    }
    return fork
  }

  /**
   * What is left after a power cut. `keep`: 0 loses all that was not synced, 1 none of it; between them chance decides
   * page by page (some torn), and how many of the last changes of names are undone.
   */
  crash(options: { keep?: number; clock?: Clock; sample?: number } = {}): MemoryDisk {
    const crashed = this.unplug(options)
    crashed.#boot++
    return crashed
  }

  /** What is left when the disk alone lost its power, and came back: as after {@link crash}, but the machine went on. */
  unplug(options: { keep?: number; clock?: Clock; sample?: number } = {}): MemoryDisk {
    const crashed = this.fork(options)
    crashed.#volume.crash(options.keep ?? 0, crashed.#random)
    return crashed
  }

  // For MemoryHandle and the lock.

  /** Takes the lock file's path, or says that it is held. */
  hold(path: string): "held" | "taken" {
    if (this.#heldLocks.has(path)) return "taken"
    this.#volume.open(path, "create")
    this.#heldLocks.add(path)
    return "held"
  }

  letGo(path: string): void {
    this.#heldLocks.delete(path)
    this.#volume.remove(path)
  }

  /** Notes the operation, lets its time pass, and does it, or fails as planned. */
  async operate<T>(asked: Omit<DiskOperation, "index">, effect: () => T, onFault?: () => void): Promise<T> {
    const operation: DiskOperation = { index: this.operations.length, ...asked }
    this.operations.push(operation)
    const error = this.faults.take(operation) ?? this.#refusal(operation)
    await new Promise<void>((resolve) => {
      this.#clock.after(this.#delay * this.#random.float(), resolve)
    })
    if (error !== undefined) {
      onFault?.()
      throw error
    }
    return effect()
  }

  async write(file: MemoryFile, path: string, chunks: readonly Uint8Array[], position: number): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const pending: PendingWrite = { file, chunks, position }
    this.#pendingWrites.add(pending)
    const part = () => this.#volume.write(file, concat(chunks).subarray(0, this.#random.below(length + 1)), position)
    try {
      await this.operate(
        { kind: "write", path, position, length },
        () => {
          if (this.#volume.write(file, concat(chunks), position) < length) {
            throw new DiskError("full", path, `${path}: no space left`)
          }
        },
        part,
      )
    } finally {
      this.#pendingWrites.delete(pending)
    }
  }

  truncate(file: MemoryFile, length: number): void {
    this.#volume.truncate(file, length)
  }

  async #writeFile({ path, inode, chunks, position }: SmallWrite): Promise<FileStat | undefined> {
    const handle = await this.open(path, inode === undefined ? "create-new" : "write").catch(() => undefined)
    if (handle === undefined) return undefined
    try {
      if (inode !== undefined && (await handle.stat()).inode !== inode) throw new Error("another file stands there")
      await handle.write(chunks, position)
      const stat = await handle.stat()
      await handle.close()
      return stat
    } catch {
      await handle.close().catch(() => {})
      if (inode === undefined) await this.remove(path).catch(() => {})
      return undefined
    }
  }

  #refusal(operation: DiskOperation): DiskError | undefined {
    if (!isChange(operation)) return undefined
    for (const [prefix, failure] of this.#forbidden) {
      const touched = [operation.path, operation.to ?? operation.path]
      if (touched.some((path) => path === prefix || path.startsWith(`${prefix}/`))) {
        return new DiskError(failure, operation.path, `${operation.path}: ${failure}`)
      }
    }
    return undefined
  }

  #copy(clock: Clock, random: SimRandom): MemoryDisk {
    const copy = new MemoryDisk({ clock, random, delay: this.#delay })
    copy.#volume = this.#volume.copy(stampsOf(clock))
    copy.#boot = this.#boot
    for (const [path, failure] of this.#forbidden) copy.#forbidden.set(path, failure)
    return copy
  }
}

/** File stamps, as exact as many file systems have them. */
function stampsOf(clock: Clock): () => bigint {
  return () => BigInt(clock.wallTime()) * 1_000_000n
}
