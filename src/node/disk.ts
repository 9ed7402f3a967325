import * as fs from "node:fs"
import type { Disk, FileHandle, FileStat, NewName, OpenMode, SmallWrite } from "../ports/disk.js"
import { toDiskError } from "./disk-error.js"
import { DiskThread } from "./disk-thread.js"
import { errnoOf } from "./errno.js"
import { NodeFile } from "./file.js"
import { Looks } from "./looks.js"
import { makeDirectory } from "./make-directory.js"
import { OPEN_FLAGS } from "./open-flags.js"
import { readBootId } from "./process-identity.js"

/** Milliseconds between tries while the process has no file descriptor left (sockets come and go), two seconds in all. */
const DESCRIPTOR_WAITS = [10, 20, 50, 100, 200, 400, 600, 620]

/** The machine's file system. */
export class NodeDisk implements Disk {
  readonly #looks = new Looks()
  readonly #thread: DiskThread
  #bootId: string | undefined

  constructor(thread = new DiskThread()) {
    this.#thread = thread
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    const descriptor = await openDescriptor(path, OPEN_FLAGS[mode], mode === "read" ? "read" : "open")
    return new NodeFile(descriptor, path)
  }

  writeFiles(writes: readonly SmallWrite[]): Promise<readonly (FileStat | undefined)[]> {
    return this.#thread.write(writes)
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#looks.at(path)
  }

  makeDirectory(path: string): Promise<void> {
    return makeDirectory(path)
  }

  async list(path: string): Promise<string[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await readDirectory(path)
      } catch (error) {
        await waitForDescriptor(error, attempt, "list", path)
      }
    }
  }

  rename(from: string, to: string): Promise<void> {
    return call(`rename ${from} to`, to, (done) => fs.rename(from, to, done))
  }

  nameFiles(names: readonly NewName[]): Promise<readonly boolean[]> {
    return this.#thread.name(names)
  }

  remove(path: string): Promise<void> {
    return call("remove", path, (done) => fs.unlink(path, (error) => done(error?.code === "ENOENT" ? null : error)))
  }

  removeDirectory(path: string): Promise<void> {
    return call("remove", path, (done) => fs.rmdir(path, (error) => done(error?.code === "ENOENT" ? null : error)))
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows can't open a directory as a file, and needs no such thing.
    if (process.platform === "win32") return
    const descriptor = await openDescriptor(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY, "sync")
    try {
      await call("sync", path, (done) =>
        // Some network and user-space file systems have no such call for directories, and nothing better.
        fs.fsync(descriptor, (error) => done(error?.code === "EINVAL" || error?.code === "ENOTSUP" ? null : error)),
      )
    } finally {
      await call("close", path, (done) => fs.close(descriptor, done))
    }
  }

  freeBytes(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.statfs(path, { bigint: true }, (error, stats) => {
        if (error === null) resolve(Number(stats.bavail * stats.bsize))
        else reject(toDiskError(error, "see the free space at", path))
      })
    })
  }

  /** From the Linux kernel; other systems have nothing that is sure to differ after each start. */
  bootId(): Promise<string> {
    this.#bootId ??= readBootId()
    return Promise.resolve(this.#bootId)
  }

  /** Ends the thread for small files. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}

type Done = (error: NodeJS.ErrnoException | null) => void

function call(action: string, path: string, start: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(toDiskError(error, action, path)) : resolve()))
  })
}

async function openDescriptor(path: string, flags: number, action: string): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await new Promise<number>((resolve, reject) => {
        fs.open(path, flags, 0o666, (error, descriptor) => (error ? reject(error) : resolve(descriptor)))
      })
    } catch (error) {
      await waitForDescriptor(error, attempt, action, path)
    }
  }
}

function readDirectory(path: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    fs.readdir(path, (error, names) => (error ? reject(error) : resolve(names)))
  })
}

/** Waits when descriptors had run out; otherwise, or after the last wait, it throws the error. */
async function waitForDescriptor(error: unknown, attempt: number, action: string, path: string): Promise<void> {
  const errno = errnoOf(error)
  const wait = errno === "EMFILE" || errno === "ENFILE" ? DESCRIPTOR_WAITS[attempt] : undefined
  if (wait === undefined) throw toDiskError(error, action, path)
  await new Promise((resolve) => setTimeout(resolve, wait))
}
