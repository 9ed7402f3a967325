import { abortError } from "../errors.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
import type { Torrent } from "../torrent/torrent.js"
import { abortWith } from "./abort-with.js"
import { stalled } from "./stalled.js"
import { unlessAborted } from "./unless-aborted.js"

/** What to do where peers are not reached. */
const FOR_PEERS = `try again later, which continues where it stopped; ${PEERS_NEED_PROXY}`

/** For how long something is waited for. */
export interface Patience {
  readonly signal?: AbortSignal | undefined
  /** ms without a byte. */
  readonly timeout?: number | undefined
  readonly reach?: Platform["reach"]
}

/**
 * The outcome of work that `source` brings the bytes for, until the caller's signal or the end of his patience. The work's own
 * signal ends with the wait.
 *
 * @throws AtError `AT_ABORTED`, `AT_STALLED`, and what the work throws
 */
export async function patiently<T>(
  work: (signal: AbortSignal) => Promise<T>,
  source: Pick<Torrent, "idleTime" | "waitingFor">,
  clock: Clock,
  { signal, timeout, reach }: Patience,
): Promise<T> {
  if (signal?.aborted) throw abortError(signal.reason)
  let timer: Timer | undefined
  const endOfPatience = new Promise<never>((_, reject) => {
    if (timeout === undefined) return
    const look = (): void => {
      const left = timeout - source.idleTime
      if (left <= 0) reject(stalled(timeout, source.waitingFor(), reach === "web" ? FOR_PEERS : undefined))
      else timer = clock.after(left, look)
    }
    timer = clock.after(timeout, look)
  })
  const over = abortWith(signal)
  try {
    return await unlessAborted(signal, Promise.race([work(over.signal), endOfPatience]))
  } finally {
    timer?.cancel()
    over.abort()
  }
}
