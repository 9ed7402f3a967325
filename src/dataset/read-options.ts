/** Options of `read`. */
export interface ReadOptions {
  /** Stops the read, which then rejects with `AT_ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `stream`. */
export interface StreamOptions extends ReadOptions {
  /** The first byte to read. Default: 0. */
  readonly start?: number | undefined
  /** The byte before which the stream ends. Default: the end of the file. */
  readonly end?: number | undefined
}
