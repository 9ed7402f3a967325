/** What the file system says of a path. Links are not followed. */
export interface FileStat {
  readonly kind: "file" | "directory" | "symlink" | "other"
  readonly size: number
  readonly mtimeNs: bigint
  readonly inode: bigint
  /** When it was made, which no write or new name changes; 0n: the file system does not say. Nanoseconds since 1970. */
  readonly bornNs: bigint
  /** Bytes of the disk that it takes: less than `size` where it has holes, more where room was set aside. 0: perhaps unknown. */
  readonly allocated: number
  /** Names that lead to it: more than one where there are hard links. */
  readonly links: number
}

/**
 * An open file. All methods reject with {@link DiskError}.
 */
export interface FileHandle {
  /** Fills `into` from `position` on; returns how many bytes there were (less only at the end of the file). */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes all the bytes, in order, from `position` on. A short write is gone after until it is whole or fails. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  truncate(length: number): Promise<void>
  stat(): Promise<FileStat>
  /** The file's bytes are on the disk itself (fdatasync). After a failure nothing written before is to be trusted. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * `read`: must exist. `write`: read and write, must exist. `create`: read and write, made if absent.
 * `create-new`: read and write, fails with `exists` if it is there. A symbolic link in the last place is refused (`link`).
 */
export type OpenMode = "read" | "write" | "create" | "create-new"

/**
 * Why the disk refused, as far as callers must tell apart. `too-large`: the file; `too-long`: its name or path. Without room are
 * `full`; `quota`, where there is space, but not for this user or group; and `no-more-files`, where a file or folder could not
 * be made, as the file system has room for so many only. `forbidden`: by Node's permission model, not by the system.
 */
export type DiskFailure =
  | "missing"
  | "exists"
  | NoRoom
  | "too-large"
  | "too-long"
  | "permission"
  | "forbidden"
  | "read-only"
  | "link"
  | "not-directory"
  | "io"

const NO_ROOM = ["full", "quota", "no-more-files"] as const
type NoRoom = (typeof NO_ROOM)[number]

/** Whether something has to be removed first, or another disk taken. */
export function isNoRoom(failure: DiskFailure): failure is NoRoom {
  return (NO_ROOM as readonly DiskFailure[]).includes(failure)
}

export class DiskError extends Error {
  override readonly name = "DiskError"
  readonly failure: DiskFailure
  readonly path: string

  constructor(failure: DiskFailure, path: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.failure = failure
    this.path = path
  }
}

/** Bytes for one file, which lie one chunk behind the other. */
export interface SmallWrite {
  readonly path: string
  /** Which file it must be; undefined: it is made, and nothing may stand there. */
  readonly inode: bigint | undefined
  /** Where the first byte goes. */
  readonly position: number
  readonly chunks: readonly Uint8Array[]
}

/** A file to be given a name that nothing has yet. */
export interface NewName {
  readonly from: string
  readonly to: string
}

/** A file system. Paths are absolute, separated by `/`. All methods reject with {@link DiskError}. */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<FileHandle>
  /**
   * Writes to files, some of them new, as `open`, `write`, `stat` and `close` would, with little ado for each: what they
   * look like then, in the same order. Undefined where that could not be done: a file that we made does not stay, and the
   * single calls will tell why.
   */
  writeFiles(writes: readonly SmallWrite[]): Promise<readonly (FileStat | undefined)[]>
  /** Undefined when nothing stands there. */
  stat(path: string): Promise<FileStat | undefined>
  /** Makes a directory and those above it; fine when it is there. */
  makeDirectory(path: string): Promise<void>
  /** The names inside a directory. */
  list(path: string): Promise<string[]>
  /** Replaces `to` when it exists. */
  rename(from: string, to: string): Promise<void>
  /** Renames files where the new name is free, with little ado for each: whether it was done, in the same order. */
  nameFiles(names: readonly NewName[]): Promise<readonly boolean[]>
  /** Removes a file; fine when it is absent. */
  remove(path: string): Promise<void>
  /** Removes a directory that is empty; fine when it is absent. */
  removeDirectory(path: string): Promise<void>
  /** Creations and renames inside a directory are on the disk itself. */
  syncDirectory(path: string): Promise<void>
  /** Bytes that may still be written at `path`. */
  freeBytes(path: string): Promise<number>
  /** Differs after each start of the machine; "" where that can't be known. */
  bootId(): Promise<string>
}
