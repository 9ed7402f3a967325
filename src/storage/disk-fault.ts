import { count } from "../bytes/words.js"
import { AtError, messageOf } from "../errors.js"
import { DiskError } from "../ports/disk.js"

/** What the disk said, as the user hears it: the one place where {@link DiskError} becomes an {@link AtError}. */
export function diskFault(error: unknown): AtError {
  if (error instanceof AtError) return error
  if (!(error instanceof DiskError)) {
    const message = messageOf(error)
    return new AtError("AT_DISK_IO", `the disk can't be used: ${message}`, {
      hint: "see the cause of this error",
      cause: error,
    })
  }
  const cause = error
  switch (error.failure) {
    case "full":
      return new AtError("AT_DISK_FULL", `no space left while writing ${error.path}`, {
        hint: "free some space and try again, or use another `datastore`; what has been downloaded is kept",
        cause,
      })
    case "quota":
      return new AtError("AT_DISK_FULL", `the disk quota is used up: ${error.path} can't be written`, {
        hint: "remove what you do not need, ask for a larger quota, or use another `datastore`; what has been downloaded is kept",
        cause,
      })
    case "no-more-files":
      return new AtError("AT_DISK_FULL", `the file system has no room for another file: ${error.path}`, {
        hint: "remove some files (df -i tells how many there may be) or free some space, or use another `datastore`; what has been downloaded is kept",
        cause,
      })
    case "too-large":
      return new AtError("AT_DISK_IO", `the file system allows no file of this size: ${error.path}`, {
        hint: "use a `datastore` on another file system (FAT32 allows 4 GiB), or raise the limit if one is set (ulimit -f)",
        cause,
      })
    case "too-long":
      return new AtError("AT_DISK_IO", `the name is too long for the file system: ${error.path}`, {
        hint: "use a `datastore` with a shorter path, or on another file system",
        cause,
      })
    case "permission":
      return new AtError("AT_DISK_IO", `permission denied: ${error.path}`, {
        hint: "check its owner and permissions, or use another `datastore`",
        cause,
      })
    case "forbidden":
      return new AtError("AT_DISK_IO", error.message, {
        hint: "let Node read the path; to write datasets, run without its permission model, which lets no program sync files",
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
      return new AtError("AT_EXISTS", `a file stands where a folder is needed: ${error.path}`, {
        hint: "move it away, or use another `datastore`",
        cause,
      })
    case "exists":
      return somethingThere(error.path, "something else has this name", cause)
    case "missing":
      return new AtError("AT_DISK_IO", `${error.path} is gone, or can't be created there`, {
        hint: "check the path, and that its disk is still mounted; then try again",
        cause,
      })
    case "io":
      return new AtError("AT_DISK_IO", error.message, {
        hint: "check the disk and its cable or connection; the next run checks what is on it",
        cause,
      })
  }
}

/** A symbolic link stands where a file or folder of ours should be. */
export function unsafePath(path: string, cause?: unknown): AtError {
  return new AtError("AT_UNSAFE_PATH", `a symbolic link is in the way: ${path}`, {
    hint: "links are not followed: remove it, or use the `datastore` that the data is really in",
    cause,
  })
}

/** The file at an unfinished one's place is another than was written to. */
export function notOurs(path: string): DiskError {
  return new DiskError("missing", path, `${path} is not the file that was written to`)
}

/** What `work` fails with is said as {@link diskFault} says it. */
export async function orDiskFault<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw diskFault(error)
  }
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
  return new AtError("AT_EXISTS", `${path} has ${count(size - length, "byte")} more than the dataset has of it`, {
    hint: "move it away, use another `datastore`, or cut these bytes off with `overwrite`",
  })
}

/** What stands at a path is a folder where a file is due, or the other way round: `overwrite` replaces files alone. */
export function otherKindThere(path: string, reason: string, cause?: unknown): AtError {
  return new AtError("AT_EXISTS", `${path} is in the way: ${reason}`, {
    hint: "move it away, or use another `datastore`",
    cause,
  })
}
