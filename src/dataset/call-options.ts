/** Options of the calls on an open dataset. */
export interface CallOptions {
  /** Stops this call alone, which then rejects with `AT_ABORTED`. Verified data stays. */
  readonly signal?: AbortSignal | undefined
}

/** Options of `stream`. */
export interface StreamOptions extends CallOptions {
  /** The first byte to read. Default: 0. */
  readonly start?: number | undefined
  /** The byte before which the stream ends. Default: the end of the file. */
  readonly end?: number | undefined
}
