/** Who takes the bytes of a run. Nothing is called from inside a call to the session. */
export interface RunListener {
  /** The next bytes of the run, in order. `chunk` is only valid during the call. */
  onBytes(chunk: Uint8Array): void
  /** The run's end was reached. Nothing follows. */
  onDone(): void
  /** Nothing follows. The bytes given before are as good as any. */
  onFault(fault: WebSeedFault): void
}

/**
 * Why a run ended before its end. The web seed has drawn the consequences already; `content-changed` and `no-ranges`
 * leave it ready.
 */
export interface WebSeedFault {
  readonly kind: FaultKind
  readonly message: string
}

type FaultKind =
  /** The network: nothing came, or the run's tries are used up. The source waits. */
  | "interrupted"
  /** The server said "not now". The source waits. */
  | "unavailable"
  /** The next file is not there, or is another one: the source lacks its pieces. */
  | "file-missing"
  /** The server refuses the next file. The source leaves it alone for now, or waits, or is disabled. */
  | "file-refused"
  /** The source is disabled. */
  | "refused"
  /** The server sends whole files alone, and the run began too far inside one. */
  | "no-ranges"
  /** An answer against the rules. The source waits. */
  | "wrong-answer"
  /** The file was replaced between two requests: a piece begun before that will hardly hash right. */
  | "content-changed"
