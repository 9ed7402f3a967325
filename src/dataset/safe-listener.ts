import type { Log } from "../ports/log.js"
import type { ProgressSnapshot } from "../torrent/statistics/progress.js"

type Listener = (progress: ProgressSnapshot) => unknown

/** A user's listener whose faults are logged and do no harm: one that throws, or an async one that rejects. */
export function safeListener(
  listener: Listener | undefined,
  log: Log,
): ((progress: ProgressSnapshot) => void) | undefined {
  if (listener === undefined) return undefined
  return (progress) => {
    const told = new Promise((resolve) => resolve(listener(progress)))
    told.catch((error: unknown) => log.log("warn", "dataset", `onProgress threw: ${String(error)}`))
  }
}
