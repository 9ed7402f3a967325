import { parseRetryAfter } from "../bytes/retry-after.js"
import { abortError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { type Download, type DownloadOptions, download } from "./download.js"

/** ms before each further attempt, where the server names no time. */
const PAUSES = [1_000, 3_000]

/** A server that wants to be left alone for longer is not asked again, ms. */
const LONGEST_PAUSE = 10_000

/** What may be another the next moment: too many requests, and a server that is overloaded, restarted or out of order. */
const PASSING = new Set([429, 500, 502, 503, 504])

/**
 * As {@link download}, of something that cannot be had elsewhere: asks twice more when the server has no time or cut its
 * answer short. Who can't be reached at all is not asked again.
 */
export async function downloadPatiently(
  platform: Pick<Platform, "http" | "clock">,
  url: string,
  options: DownloadOptions,
): Promise<Download> {
  const { clock } = platform
  const { timeout = Number.POSITIVE_INFINITY, signal } = options
  for (const usual of PAUSES) {
    const outcome = await download(platform, url, options)
    const pause = isPassing(outcome) ? (retryAfter(outcome, clock.wallTime()) ?? usual) : Number.POSITIVE_INFINITY
    if (pause > LONGEST_PAUSE || pause >= timeout) return outcome
    await wait(clock, Math.max(pause, usual), signal)
  }
  return download(platform, url, options)
}

/** The ms for which a server wants to be left alone, if it says so. */
export function retryAfter(outcome: Download, wallTime: number): number | undefined {
  return outcome.kind === "status" ? parseRetryAfter(outcome.retryAfter, wallTime) : undefined
}

function isPassing(outcome: Download): boolean {
  return outcome.kind === "status" ? PASSING.has(outcome.status) : outcome.kind === "failed" && outcome.begun
}

function wait(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel()
      reject(abortError(signal?.reason))
    }
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    })
    signal?.addEventListener("abort", onAbort, { once: true })
    if (signal?.aborted) onAbort()
  })
}
