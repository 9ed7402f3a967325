import { DiskError, type DiskFailure } from "../ports/disk.js"
import { errnoOf } from "./errno.js"

const FAILURES: Readonly<Record<string, DiskFailure>> = {
  ENOENT: "missing",
  EEXIST: "exists",
  ENOTEMPTY: "exists",
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "too-large",
  ENAMETOOLONG: "too-long",
  EACCES: "permission",
  EPERM: "permission",
  EROFS: "read-only",
  // What open(2) says of a symbolic link under O_NOFOLLOW; FreeBSD says EMLINK.
  ELOOP: "link",
  EMLINK: "link",
  ENOTDIR: "not-directory",
}

/** Node's error of a file system call as the port's; `action` says what was tried ("open", "write to"). */
export function toDiskError(error: unknown, action: string, path: string): DiskError {
  const code = errnoOf(error)
  const reason = error instanceof Error ? error.message.replace(/^\w+: /, "").replace(/, \w+( '.*)?$/s, "") : `${error}`
  return new DiskError(FAILURES[code] ?? "io", path, `can't ${action} ${path}: ${reason}`, error)
}
