import { type AtError, abortError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
import type { Torrent } from "../torrent/torrent.js"
import { abortWith } from "./abort-with.js"
import { sleep } from "./sleep.js"
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
  /** What to say when it is over; `why`: what is known of it. Default: that nothing arrived. */
  readonly refusal?: (timeout: number, why: string) => AtError
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
  {
    signal,
    timeout,
    reach,
    refusal = (ms, why) => stalled(ms, why, reach === "web" ? FOR_PEERS : undefined),
  }: Patience,
): Promise<T> {
  if (signal?.aborted) throw abortError(signal.reason)
  const over = abortWith(signal)
  const endOfPatience = async (timeout: number): Promise<never> => {
    for (let left = timeout; left > 0; left = timeout - source.idleTime) await sleep(clock, left, over.signal)
    throw refusal(timeout, source.waitingFor())
  }
  try {
    const done = work(over.signal)
    return await unlessAborted(signal, timeout === undefined ? done : Promise.race([done, endOfPatience(timeout)]))
  } finally {
    over.abort()
  }
}
