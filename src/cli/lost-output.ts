import { AtError } from "../errors.js"
import { toDiskError } from "../node/disk-error.js"
import { errnoOf } from "../node/errno.js"
import { isNoRoom } from "../ports/disk.js"
import { exitCode } from "./exit-code.js"

/** As of a program that SIGPIPE ended, which Node turns off. */
const NO_READER = 128 + 13

/** Standard output can't be written to. */
export interface LostOutput {
  /** What the process ends with. */
  readonly code: number
  /** What is said of it; undefined: nobody reads any more, which is no fault. */
  readonly error: AtError | undefined
}

/** What an error of standard output means. */
export function lostOutput(cause: unknown): LostOutput {
  if (errnoOf(cause) === "EPIPE") return { code: NO_READER, error: undefined }
  const { failure, message } = toDiskError(cause, "write to", "standard output")
  const code = isNoRoom(failure) ? "AT_DISK_FULL" : "AT_DISK_IO"
  const error = new AtError(code, message, {
    hint: "check where standard output goes, and run the command again",
    cause,
  })
  return { code: exitCode(code), error }
}
