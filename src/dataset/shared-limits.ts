import { nodeClock } from "../node/clock.js"
import { type LimitOptions, Limits } from "../session/limits.js"
import { checkLimits } from "./check-options.js"

let limits: Limits | undefined

/**
 * Sets limits for all datasets together that this process opens after the call. The options of `open` and `get` with the same
 * names limit one dataset.
 *
 * @throws AtError `AT_INVALID_INPUT` if a limit is not a number above 0
 *
 * @example
 * ```ts
 * at.setLimits({ maxDownload: 10_000_000, maxConnections: 100 })
 * await Promise.all(hashes.map((hash) => at.get(hash)))
 * ```
 */
export function setLimits(options: LimitOptions): void {
  checkLimits(options)
  limits = new Limits(nodeClock, options)
}

/** Undefined: there are none. */
export function sharedLimits(): Limits | undefined {
  return limits
}
