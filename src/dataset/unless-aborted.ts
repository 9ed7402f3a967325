import { abortError } from "../errors.js"

/** The promise's outcome, or `AT_ABORTED` as soon as the signal says so. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> {
  if (signal === undefined) return promise
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(abortError(signal.reason))
    if (signal.aborted) onAbort()
    else signal.addEventListener("abort", onAbort, { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    over.abort()
  }
}
