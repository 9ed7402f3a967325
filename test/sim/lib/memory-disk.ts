import type { Clock } from "../../../src/ports/clock.js"
import {
  type Disk,
  DiskError,
  type DiskFailure,
  type FileHandle,
  type FileStat,
  type OpenMode,
} from "../../../src/ports/disk.js"
import { DiskFaults, type DiskOperation, isChange } from "./disk-faults.js"
import { MemoryFile, PAGE } from "./memory-file.js"
import { MemoryHandle } from "./memory-handle.js"
import { MemoryDirectory, MemoryLink, type MemoryNode, MemoryTree, statOf } from "./memory-tree.js"
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
  #tree: MemoryTree
  #free: number
  #boot = 1

  constructor(options: MemoryDiskOptions) {
    this.#clock = options.clock
    this.#random = options.random
    this.#delay = options.delay ?? 1
    this.#free = options.freeBytes ?? 2 ** 40
    this.#tree = new MemoryTree(this.#mtime())
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.operate(
      { kind: "open", path, mode },
      () => new MemoryHandle(this, path, this.#openFile(path, mode), mode),
    )
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.operate({ kind: "stat", path }, () => {
      const node = this.#find(path)
      return node === undefined ? undefined : statOf(node)
    })
  }

  makeDirectory(path: string): Promise<void> {
    return this.operate({ kind: "make-directory", path }, () => this.#makeDirectories(path, "logged"))
  }

  list(path: string): Promise<string[]> {
    return this.operate({ kind: "list", path }, () => [...this.#tree.directory(path).entries.keys()])
  }

  rename(from: string, to: string): Promise<void> {
    return this.operate({ kind: "rename", path: from, to }, () => {
      const source = this.#tree.place(from)
      const target = this.#tree.place(to)
      if (source.node === undefined) throw new DiskError("missing", from, `${from}: nothing to rename`)
      if (target.node === source.node) return
      checkReplacement(source.node, target.node, to)
      this.#release(target.node)
      this.#tree.change(
        this.#mtime(),
        { directory: source.directory, name: source.name, node: undefined },
        { directory: target.directory, name: target.name, node: source.node },
      )
    })
  }

  remove(path: string): Promise<void> {
    return this.operate({ kind: "remove", path }, () => {
      const node = this.#find(path)
      if (node === undefined) return
      if (node instanceof MemoryDirectory) throw new DiskError("io", path, `${path}: is a directory`)
      this.#release(node)
      this.#unlink(path)
    })
  }

  removeDirectory(path: string): Promise<void> {
    return this.operate({ kind: "remove-directory", path }, () => {
      const node = this.#find(path)
      if (node === undefined) return
      if (!(node instanceof MemoryDirectory)) throw new DiskError("not-directory", path, `${path}: not a directory`)
      if (node.entries.size > 0) throw new DiskError("exists", path, `${path}: not empty`)
      this.#unlink(path)
    })
  }

  syncDirectory(path: string): Promise<void> {
    return this.operate({ kind: "sync-directory", path }, () => this.#tree.sync(this.#tree.directory(path)))
  }

  freeBytes(path: string): Promise<number> {
    return this.operate({ kind: "free-bytes", path }, () => {
      this.#tree.directory(path)
      return this.#free
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
    this.#free = bytes
  }

  /** Refuses every change at and below `path`, until `allow`. */
  forbid(path: string, failure: "permission" | "read-only"): void {
    this.#forbidden.set(path, failure)
  }

  allow(path: string): void {
    this.#forbidden.delete(path)
  }

  putDirectory(path: string): void {
    this.#makeDirectories(path, "safe")
  }

  putFile(path: string, data: Uint8Array): void {
    const file = new MemoryFile(this.#tree.newInode(), this.#mtime())
    file.write(data, 0)
    file.sync()
    this.#put(path, file)
  }

  /** A symbolic link; `target` is absolute. */
  putLink(path: string, target: string): void {
    this.#put(path, new MemoryLink(target, this.#tree.newInode(), this.#mtime()))
  }

  /** Changes one byte and nothing else, as bad hardware does. */
  flipByte(path: string, position: number): void {
    const file = this.#find(path)
    if (!(file instanceof MemoryFile)) throw new TypeError(`no file: ${path}`)
    file.flip(position)
  }

  /** The whole file as programs see it, or undefined. */
  readFile(path: string): Uint8Array | undefined {
    const file = this.#find(path)
    if (!(file instanceof MemoryFile)) return undefined
    const data = new Uint8Array(file.size)
    file.read(data, 0)
    return data
  }

  /** Paths of all files, sorted. */
  filePaths(): string[] {
    return [...this.#tree.files()].map(([path]) => path)
  }

  /** Would a power cut now lose nothing? */
  get isSafe(): boolean {
    return this.#tree.isSafe && [...this.#tree.files()].every(([, file]) => file.isSafe)
  }

  /**
   * What a process finds that starts after this one was killed: everything, writes under way in part. The original
   * goes on as if nothing had happened; each `sample` takes its chances anew.
   */
  fork(options: { clock?: Clock; sample?: number } = {}): MemoryDisk {
    const random = this.#random.fork(`after ${this.operations.length} operations, ${options.sample ?? 0}`)
    const fork = this.#copy(options.clock ?? this.#clock, random)
    const files = new Map([...fork.#tree.files()].map(([, file]) => [file.inode, file]))
    for (const { file, chunks, position } of this.#pendingWrites) {
      const data = join(chunks)
      files.get(file.inode)?.write(data.subarray(0, random.below(data.length + 1)), position)
    }
    return fork
  }

  /**
   * What is left after a power cut. `keep`: 0 loses all that was not synced, 1 none of it; between them chance decides
   * page by page (some torn), and how many of the last changes of names are undone.
   */
  crash(options: { keep?: number; clock?: Clock; sample?: number } = {}): MemoryDisk {
    const crashed = this.fork(options)
    crashed.#boot++
    const keep = options.keep ?? 0
    for (const [, file] of [...crashed.#tree.files()]) file.crash(keep, crashed.#random)
    crashed.#tree.crash(keep, crashed.#random)
    return crashed
  }

  // For MemoryHandle and the lock.

  /** Takes the lock file's path, or says that it is held. */
  hold(path: string): "held" | "taken" {
    if (this.#heldLocks.has(path)) return "taken"
    this.#openFile(path, "create")
    this.#heldLocks.add(path)
    return "held"
  }

  letGo(path: string): void {
    this.#heldLocks.delete(path)
    if (this.#find(path) !== undefined) this.#unlink(path)
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
    const part = () => this.#writeWhatFits(file, join(chunks).subarray(0, this.#random.below(length + 1)), position)
    try {
      await this.operate(
        { kind: "write", path, position, length },
        () => {
          if (this.#writeWhatFits(file, join(chunks), position) < length) {
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
    const before = file.allocated
    file.truncate(length)
    this.#free += before - file.allocated
    file.mtimeNs = this.#mtime()
  }

  #writeWhatFits(file: MemoryFile, data: Uint8Array, position: number): number {
    let length = data.length
    if (file.growth(position, length) > this.#free) {
      for (length = 0; length < data.length; length += PAGE - ((position + length) % PAGE)) {
        const part = Math.min(data.length, length + PAGE - ((position + length) % PAGE))
        if (file.growth(position, part) > this.#free) break
      }
      length = Math.min(length, data.length)
    }
    if (length === 0) return 0
    this.#free -= file.growth(position, length)
    file.write(data.subarray(0, length), position)
    file.mtimeNs = this.#mtime()
    return length
  }

  #openFile(path: string, mode: OpenMode): MemoryFile {
    const { directory, name, node } = this.#tree.place(path)
    if (node !== undefined && mode === "create-new") throw new DiskError("exists", path, `${path}: exists`)
    if (node instanceof MemoryLink) throw new DiskError("link", path, `${path}: a symbolic link`)
    if (node instanceof MemoryDirectory) throw new DiskError("io", path, `${path}: a directory`)
    if (node !== undefined) return node
    if (mode === "read" || mode === "write") throw new DiskError("missing", path, `${path}: no such file`)
    const file = new MemoryFile(this.#tree.newInode(), this.#mtime())
    this.#tree.change(this.#mtime(), { directory, name, node: file })
    return file
  }

  #makeDirectories(path: string, how: "logged" | "safe"): void {
    const names = path.split("/").filter((name) => name !== "")
    for (let depth = 1; depth <= names.length; depth++) {
      const { directory, name, node } = this.#tree.place(`/${names.slice(0, depth).join("/")}`)
      if (node instanceof MemoryFile) throw new DiskError(depth < names.length ? "not-directory" : "exists", path, path)
      if (node !== undefined) continue
      const made = new MemoryDirectory(this.#tree.newInode(), this.#mtime())
      if (how === "logged") this.#tree.change(this.#mtime(), { directory, name, node: made })
      else directory.entries.set(name, made)
    }
  }

  /** At once and safe. */
  #put(path: string, node: MemoryFile | MemoryLink): void {
    this.putDirectory(path.slice(0, path.lastIndexOf("/")))
    const { directory, name, node: old } = this.#tree.place(path)
    this.#release(old)
    directory.entries.set(name, node)
  }

  #unlink(path: string): void {
    const { directory, name } = this.#tree.place(path)
    this.#tree.change(this.#mtime(), { directory, name, node: undefined })
  }

  /** What stands there; undefined also when the way there is missing. */
  #find(path: string) {
    try {
      return this.#tree.place(path).node
    } catch (error) {
      if (error instanceof DiskError && error.failure === "missing") return undefined
      throw error
    }
  }

  #release(node: unknown): void {
    if (node instanceof MemoryFile) this.#free += node.allocated
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
    const copy = new MemoryDisk({ clock, random, freeBytes: this.#free, delay: this.#delay })
    copy.#tree = this.#tree.copy()
    copy.#boot = this.#boot
    for (const [path, failure] of this.#forbidden) copy.#forbidden.set(path, failure)
    return copy
  }

  #mtime(): bigint {
    return BigInt(this.#clock.wallTime()) * 1_000_000n
  }
}

/** As rename(2): a file replaces no directory, a directory only an empty one. */
function checkReplacement(source: MemoryNode, target: MemoryNode | undefined, to: string): void {
  if (target === undefined) return
  const isDirectory = source instanceof MemoryDirectory
  if (!isDirectory && target instanceof MemoryDirectory) throw new DiskError("io", to, `${to}: is a directory`)
  if (isDirectory && !(target instanceof MemoryDirectory)) throw new DiskError("not-directory", to, `${to}: a file`)
  if (target instanceof MemoryDirectory && target.entries.size > 0)
    throw new DiskError("exists", to, `${to}: not empty`)
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
