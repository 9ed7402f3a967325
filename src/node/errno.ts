import { isError } from "../errors.js"

/** The code of a system error, `ENOENT` and the like, or of one of Node's own; "" when it has none. */
export function errnoOf(error: unknown): string {
  if (!(isError(error) && "code" in error && typeof error.code === "string")) return ""
  return "errno" in error && UNNAMED.test(error.code) ? (nameOf(error.errno) ?? error.code) : error.code
}

/** As Node 20 calls what it has no name for: "Unknown system error -122". */
const UNNAMED = /^Unknown system error /

function nameOf(errno: unknown): string | undefined {
  // Seldom needed, so not loaded at each start.
  const { EDQUOT } = process.getBuiltinModule("node:os").constants.errno
  return errno === -EDQUOT ? "EDQUOT" : undefined
}
