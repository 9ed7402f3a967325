/**
 * How important a message is: `notice` above `warn` above `info` above `debug`. A `notice` says that something the user asked
 * for has no effect.
 */
export type LogLevel = "debug" | "info" | "warn" | "notice"

/** Receives what the engine logs. A message may contain text from strangers: escape it before you show it on a terminal. */
export interface Log {
  /** `scope` is the part of the program that speaks, such as `tracker`; `message` is a sentence without a full stop. */
  log(level: LogLevel, scope: string, message: string): void
}

/** Says nothing. */
export const silentLog: Log = { log() {} }
