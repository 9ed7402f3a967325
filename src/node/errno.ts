/** The code of a system error, `ENOENT` and the like, or of one of Node's own; "" when it has none. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""
}
