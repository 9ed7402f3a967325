import { describe, expect, it } from "vitest"
import { exitCode } from "../../../src/cli/exit-code.js"
import type { AtErrorCode } from "../../../src/errors.js"

/** As the README tells users. */
const PROMISED: Record<AtErrorCode, number> = {
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

describe("the exit code", () => {
  it.each(Object.entries(PROMISED) as [AtErrorCode, number][])("for %s is %d", (code, exit) => {
    expect(exitCode(code)).toBe(exit)
  })
})
