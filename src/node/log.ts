import { escapeForTerminal } from "../bytes/text.js"
import type { Log, LogLevel } from "../ports/log.js"

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, notice: 3 }

/**
 * Writes lines of `level` and above to `write` (each ends in a newline), what strangers may have put into them escaped.
 */
export function createLog(options: { readonly level: LogLevel; readonly write: (line: string) => void }): Log {
  const threshold = RANK[options.level]
  return {
    log(level, scope, message) {
      if (RANK[level] >= threshold) options.write(`${level} ${scope}: ${escapeForTerminal(message)}\n`)
    },
  }
}
