import { constants } from "node:fs"
import type { OpenMode } from "../ports/disk.js"

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants

// O_NONBLOCK means nothing for files; with a pipe's name it keeps us from waiting for ever for its other end. Windows
// has neither flag.
const SAFELY = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)

/** How open(2) is called for each mode. */
export const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: O_RDONLY | SAFELY,
  write: O_RDWR | SAFELY,
  create: O_RDWR | O_CREAT | SAFELY,
  "create-new": O_RDWR | O_CREAT | O_EXCL | SAFELY,
}
