import * as fs from "node:fs"
import { DiskError, type FileHandle, type FileStat } from "../ports/disk.js"
import { toDiskError } from "./disk-error.js"
import { LARGEST_WRITE } from "./largest-write.js"

/** The most bytes one read asks for: Linux moves no more than 2 GiB less a page at once. */
const LARGEST_READ = 1 << 30

/** An open file. `close` waits for the calls under way: their descriptor's number might be another file's by then. */
export class NodeFile implements FileHandle {
  readonly #descriptor: number
  readonly #path: string
  #underWay = 0
  #closed: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor
    this.#path = path
  }

  /** For a thread that writes while the file is kept open. */
  get descriptor(): number {
    return this.#descriptor
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#call("read", (resolve, fail) => {
      let count = 0
      const next = (): void => {
        const length = Math.min(into.byteLength - count, LARGEST_READ)
        if (length === 0) resolve(count)
        else fs.read(this.#descriptor, into, count, length, position + count, onRead)
      }
      const onRead = (error: NodeJS.ErrnoException | null, bytes: number): void => {
        count += bytes
        if (error) fail(error)
        else if (bytes === 0) resolve(count)
        else next()
      }
      next()
    })
  }

  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.byteLength > 0)
    return this.#call("write to", (resolve, fail) => {
      let place = position
      const next = (): void => {
        if (rest.length === 0) resolve()
        else fs.writev(this.#descriptor, firstBytes(rest, LARGEST_WRITE), place, onWritten)
      }
      // On a full disk the first sign is a short count without an error: writing the rest brings the error out.
      const onWritten = (error: NodeJS.ErrnoException | null, bytes: number): void => {
        if (error) {
          fail(error)
        } else if (bytes === 0) {
          fail(new Error("the file takes no more bytes"))
        } else {
          place += bytes
          rest = dropBytes(rest, bytes)
          next()
        }
      }
      next()
    })
  }

  truncate(length: number): Promise<void> {
    return this.#call("set the length of", (resolve, fail) => {
      fs.ftruncate(this.#descriptor, length, (error) => (error ? fail(error) : resolve()))
    })
  }

  stat(): Promise<FileStat> {
    return this.#call("look at", (resolve, fail) => {
      fs.fstat(this.#descriptor, { bigint: true }, (error, stats) => (error ? fail(error) : resolve(toFileStat(stats))))
    })
  }

  sync(): Promise<void> {
    return this.#call("sync", (resolve, fail) => {
      fs.fdatasync(this.#descriptor, (error) => (error ? fail(error) : resolve()))
    })
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve, reject) => {
      const closeNow = (): void =>
        fs.close(this.#descriptor, (error) => (error ? reject(toDiskError(error, "close", this.#path)) : resolve()))
      if (this.#underWay === 0) closeNow()
      else this.#onIdle = closeNow
    })
    return this.#closed
  }

  #call<T>(action: string, start: (resolve: (value: T) => void, fail: (error: Error) => void) => void): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new DiskError("io", this.#path, `can't ${action} ${this.#path}: it is closed`))
    }
    this.#underWay++
    return new Promise((resolve, reject) => {
      start(
        (value) => {
          this.#leave()
          resolve(value)
        },
        (error) => {
          this.#leave()
          reject(toDiskError(error, action, this.#path))
        },
      )
    })
  }

  #leave(): void {
    if (--this.#underWay === 0) this.#onIdle?.()
  }
}

/** What `lstat` and `fstat` say, as the port has it. */
export function toFileStat(stats: fs.BigIntStats): FileStat {
  const kind = stats.isFile()
    ? "file"
    : stats.isDirectory()
      ? "directory"
      : stats.isSymbolicLink()
        ? "symlink"
        : "other"
  const { size, mtimeNs, ino: inode, birthtimeNs: bornNs, blocks, nlink } = stats
  // Whatever the file system calls a block: stat(2) counts in 512 bytes.
  return { kind, size: Number(size), mtimeNs, inode, bornNs, allocated: 512 * Number(blocks), links: Number(nlink) }
}

/** The first `count` bytes of `chunks`, or all. */
function firstBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const first: Uint8Array[] = []
  let left = count
  for (const chunk of chunks) {
    if (left === 0) break
    const part = chunk.byteLength > left ? chunk.subarray(0, left) : chunk
    first.push(part)
    left -= part.byteLength
  }
  return first
}

/** `chunks` without their first `count` bytes. */
function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count
  let index = 0
  while (index < chunks.length && left >= chunks[index]!.byteLength) left -= chunks[index++]!.byteLength
  const rest = chunks.slice(index)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}
