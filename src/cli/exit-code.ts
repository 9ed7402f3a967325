import type { AtErrorCode } from "../errors.js"

const EXIT_CODES: Readonly<Record<AtErrorCode, number>> = {
  AT_BUG: 1,
  AT_INVALID_INPUT: 2,
  AT_NOT_FOUND: 3,
  AT_METADATA: 3,
  AT_NO_SOURCES: 4,
  AT_STALLED: 4,
  AT_CORRUPT: 5,
  AT_DISK_FULL: 6,
  AT_DISK_IO: 7,
  AT_UNSAFE_PATH: 7,
  AT_EXISTS: 7,
  AT_LOCKED: 8,
  AT_ABORTED: 130,
}

/** What the process ends with for an error; scripts rely on it. */
export function exitCode(code: AtErrorCode): number {
  return EXIT_CODES[code]
}
