import type { Clock } from "../../../src/ports/clock.js"
import type { Log, LogLevel } from "../../../src/ports/log.js"

export interface LogLine {
  readonly at: number
  readonly level: LogLevel
  readonly scope: string
  readonly message: string
}

/** Keeps what was said, with the virtual time. */
export class SimLog implements Log {
  readonly lines: LogLine[] = []
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  log(level: LogLevel, scope: string, message: string): void {
    this.lines.push({ at: this.#clock.now(), level, scope, message })
  }

  /** One line each, for a failed test's output. */
  toString(): string {
    return this.lines
      .map(({ at, level, scope, message }) => `${at.toFixed(1)} ${level} ${scope}: ${message}`)
      .join("\n")
  }
}
