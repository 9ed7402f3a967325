import { isError, messageOf } from "../errors.js"
import { DiskError, type DiskFailure } from "../ports/disk.js"
import { errnoOf } from "./errno.js"

const FAILURES: Readonly<Record<string, DiskFailure>> = {
  ENOENT: "missing",
  EEXIST: "exists",
  ENOTEMPTY: "exists",
  ENOSPC: "full",
  EDQUOT: "quota",
  EFBIG: "too-large",
  ENAMETOOLONG: "too-long",
  EACCES: "permission",
  EPERM: "permission",
  ERR_ACCESS_DENIED: "forbidden",
  EROFS: "read-only",
  // What open(2) says of a symbolic link under O_NOFOLLOW; FreeBSD says EMLINK.
  ELOOP: "link",
  EMLINK: "link",
  ENOTDIR: "not-directory",
}

/** Node's error of a file system call as the port's; `action` says what was tried ("open", "write to"). */
export function toDiskError(error: unknown, action: string, path: string): DiskError {
  const failure = FAILURES[errnoOf(error)] ?? "io"
  return failure === "full" && isMaking(error)
    ? new DiskError("no-more-files", path, `can't ${action} ${path}: no room for another file`, error)
    : new DiskError(failure, path, `can't ${action} ${path}: ${reasonOf(failure, error)}`, error)
}

/** System calls that make files and folders. Of these ENOSPC says more often that there can't be another one. */
const MAKING: readonly unknown[] = ["open", "mkdir", "link"]

function isMaking(error: unknown): boolean {
  return isError(error) && "syscall" in error && MAKING.includes(error.syscall)
}

function reasonOf(failure: DiskFailure, error: unknown): string {
  if (failure === "quota") return "disk quota exceeded"
  return messageOf(error)
    .replace(/^\w+: /, "")
    .replace(/, \w+( '.*)?$/s, "")
}
