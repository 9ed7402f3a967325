import { createAbortController } from "../node/abort-controller.js"

/** What is aborted with a signal. It has one listener for all of them: of more than ten, Node warns as of a leak. */
const followersOf = new WeakMap<AbortSignal, Set<AbortController>>()

/** A controller that is aborted when any of these signals is. Aborting it ends the listening, too: do so when all is done. */
export function abortWith(...signals: readonly (AbortSignal | undefined)[]): AbortController {
  const controller = createAbortController()
  for (const signal of signals) {
    if (signal === undefined || controller.signal.aborted) continue
    if (signal.aborted) controller.abort(signal.reason)
    else follow(signal, controller)
  }
  return controller
}

function follow(signal: AbortSignal, controller: AbortController): void {
  const followers = followersOf.get(signal) ?? new Set()
  followersOf.set(signal, followers.add(controller))
  // The same function is not added twice.
  signal.addEventListener("abort", abortFollowers)
  controller.signal.addEventListener("abort", () => {
    followers.delete(controller)
    if (followers.size === 0) signal.removeEventListener("abort", abortFollowers)
  })
}

function abortFollowers(this: AbortSignal): void {
  for (const follower of followersOf.get(this) ?? []) follower.abort(this.reason)
}
