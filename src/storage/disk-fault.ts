import { count } from "../bytes/words.js"
import { AtError } from "../errors.js"
import { DiskError } from "../ports/disk.js"

/** What the disk said, as the user hears it: the one place where {@link DiskError} becomes an {@link AtError}. */
export function diskFault(error: unknown): AtError {
  if (error instanceof AtError) return error
  if (!(error instanceof DiskError)) {
    const message = error instanceof Error ? error.message : String(error)
    return new AtError("AT_DISK_IO", `the disk can't be used: ${message}`, { hint: "run again with -v", cause: error })
  }
  const cause = error
  switch (error.failure) {
    case "full":
      return new AtError("AT_DISK_FULL", `no space left while writing ${error.path}`, {
        hint: "free some space and try again, or use another `datastore`; what is there is kept",
        cause,
      })
    case "too-large":
      return new AtError("AT_DISK_IO", `the file system takes no file so large: ${error.path}`, {
        hint: "use a `datastore` on another one (FAT32 ends at 4 GiB), or raise the limit if one is set (ulimit -f)",
        cause,
      })
    case "too-long":
      return new AtError("AT_DISK_IO", `the file system takes no name so long: ${error.path}`, {
        hint: "use a `datastore` with a shorter path, or on another file system",
        cause,
      })
    case "permission":
      return new AtError("AT_DISK_IO", `not allowed: ${error.path}`, {
        hint: "check its owner and permissions, or use another `datastore`",
        cause,
      })
    case "read-only":
      return new AtError("AT_DISK_IO", `the file system is read-only: ${error.path}`, {
        hint: "use another `datastore`",
        cause,
      })
    case "link":
      return unsafePath(error.path, cause)
    case "not-directory":
      // No --overwrite helps here: a file on the way to the datastore is not the dataset's to replace.
      return new AtError("AT_EXISTS", `${error.path} can't be: a file stands where a folder is due`, {
        hint: "move it away, or use another `datastore`",
        cause,
      })
    case "exists":
      return somethingThere(error.path, "something else stands there", cause)
    case "missing":
      return new AtError("AT_DISK_IO", `gone while we were using it: ${error.path}`, {
        hint: "check that the disk is still mounted, and try again",
        cause,
      })
    case "io":
      return new AtError("AT_DISK_IO", error.message, {
        hint: "check the disk and its cable or connection; the next run checks what is on it",
        cause,
      })
  }
}

/** A symbolic link stands where we would write. */
export function unsafePath(path: string, cause?: unknown): AtError {
  return new AtError("AT_UNSAFE_PATH", `a symbolic link stands in the way: ${path}`, {
    hint: "we write through no link that we did not make: remove it, or use another `datastore`",
    cause,
  })
}

/** What stands at a path is not this dataset's. */
export function somethingThere(path: string, reason: string, cause?: unknown): AtError {
  return new AtError("AT_EXISTS", `${path} is in the way: ${reason}`, {
    hint: "move it away, use another `datastore`, or replace it with `overwrite`",
    cause,
  })
}

/** A file holds more than the dataset has of it: what stands behind is somebody else's. */
export function tooLong(path: string, { size, length }: { size: number; length: number }): AtError {
  return new AtError("AT_EXISTS", `${path} goes on for ${count(size - length, "byte")} behind the dataset's data`, {
    hint: "move it away, use another `datastore`, or have these bytes cut off with `overwrite`",
  })
}

/** What stands at a path is a folder where a file is due, or the other way round: `overwrite` replaces files alone. */
export function otherKindThere(path: string, reason: string, cause?: unknown): AtError {
  return new AtError("AT_EXISTS", `${path} is in the way: ${reason}`, {
    hint: "move it away, or use another `datastore`",
    cause,
  })
}
