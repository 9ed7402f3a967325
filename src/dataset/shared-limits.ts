import { nodeClock } from "../node/clock.js"
import { type LimitOptions, Limits } from "../session/limits.js"
import { checkLimits } from "./check-options.js"

let limits: Limits | undefined

/**
 * Sets what all datasets of this process may do together: those that are opened from now on. What an option of `open` or
 * `get` allows, one dataset alone may do.
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
