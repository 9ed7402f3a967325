/** Of a read. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
}

/** Of a stream. */
export interface StreamOptions extends ReadOptions {
  /** The first byte; 0 when absent. */
  readonly start?: number | undefined
  /** The byte before which it ends; that of the file when absent. */
  readonly end?: number | undefined
}
