export type LogLevel = "debug" | "info" | "warn"

/** Where the engine says what happens. Strings from strangers are escaped by whoever shows them. */
export interface Log {
  /** `scope` is a room's name; `message` a sentence without a full stop. */
  log(level: LogLevel, scope: string, message: string): void
}

/** Says nothing. */
export const silentLog: Log = { log() {} }
