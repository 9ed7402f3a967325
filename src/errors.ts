/**
 * The `code` of an {@link AtError}: a fixed list, so that scripts can rely on it.
 *
 * | code | meaning |
 * |---|---|
 * | `AT_INVALID_INPUT` | wrong use: unknown option, malformed target |
 * | `AT_NOT_FOUND` | no such dataset |
 * | `AT_METADATA` | the dataset's metadata can't be had, or is malformed |
 * | `AT_NO_SOURCES` | no peer and no web seed has it |
 * | `AT_STALLED` | nothing arrived within `timeout` |
 * | `AT_CORRUPT` | data on disk does not verify |
 * | `AT_DISK_FULL` | no space, a quota is used up, or no room for another file |
 * | `AT_DISK_IO` | the disk refused: permission, read-only, I/O error |
 * | `AT_UNSAFE_PATH` | a path would lead out of the datastore, or through a symbolic link |
 * | `AT_EXISTS` | a file is in the way: it is not part of the dataset, or has more bytes than the dataset has of it |
 * | `AT_LOCKED` | another process holds the dataset, or this one holds it open already |
 * | `AT_ABORTED` | stopped by the caller's signal |
 * | `AT_BUG` | an error in this program itself |
 */
export type AtErrorCode =
  | "AT_INVALID_INPUT"
  | "AT_NOT_FOUND"
  | "AT_METADATA"
  | "AT_NO_SOURCES"
  | "AT_STALLED"
  | "AT_CORRUPT"
  | "AT_DISK_FULL"
  | "AT_DISK_IO"
  | "AT_UNSAFE_PATH"
  | "AT_EXISTS"
  | "AT_LOCKED"
  | "AT_ABORTED"
  | "AT_BUG"

/**
 * The only error this library rejects with.
 *
 * @example
 * ```ts
 * import * as at from "academictorrents"
 * try {
 *   await at.get("323a0048d87ca79b68f12a6350a57776b6a3b7fb")
 * } catch (error) {
 *   if (error instanceof at.AtError && error.code === "AT_DISK_FULL") console.error(error.hint)
 * }
 * ```
 */
export class AtError extends Error {
  override readonly name = "AtError"
  /** Stable; scripts may branch on it. */
  readonly code: AtErrorCode
  /** What to do next; names of options and properties are in backquotes. */
  readonly hint: string

  constructor(code: AtErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/**
 * A fault of a remote side: peer, tracker, web seed. It never reaches the user: the source is dropped and counted.
 */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError"
}

/**
 * Whether it is an error, also of another realm: where the library runs in a context of `node:vm`, as in Jest, what Node
 * throws is no instance of this context's `Error`.
 */
export function isError(value: unknown): value is Error {
  return typeof value === "object" && value !== null && "message" in value && typeof value.message === "string"
}

export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error)
}

/** The error of an operation that the caller's signal ended. */
export function abortError(cause?: unknown): AtError {
  return new AtError("AT_ABORTED", "stopped", { hint: "try again: what was downloaded is kept", cause })
}
