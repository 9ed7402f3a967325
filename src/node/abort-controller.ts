import { setMaxListeners } from "node:events"

/**
 * An AbortController for many calls at a time: Node warns of a leak when a signal has more than ten listeners, and each
 * piece that a reader waits for is one.
 */
export function createAbortController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
