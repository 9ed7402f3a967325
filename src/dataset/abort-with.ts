import { createAbortController } from "../node/abort-controller.js"

/** A controller that is aborted when any of these signals is. Aborting it ends the listening, too: do so when all is done. */
export function abortWith(...signals: readonly (AbortSignal | undefined)[]): AbortController {
  const controller = createAbortController()
  for (const signal of signals) {
    const abort = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) abort()
    else signal?.addEventListener("abort", abort, { once: true, signal: controller.signal })
  }
  return controller
}
