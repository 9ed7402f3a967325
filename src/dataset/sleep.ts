import { abortError } from "../errors.js"
import type { Clock } from "../ports/clock.js"

/** Resolves in so many ms. @throws AtError `AT_ABORTED` as soon as the signal says so */
export function sleep(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer.cancel()
      reject(abortError(signal?.reason))
    }
    if (signal?.aborted) onAbort()
    else signal?.addEventListener("abort", onAbort, { once: true })
  })
}
