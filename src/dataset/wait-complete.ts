import { abortError } from "../errors.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Platform } from "../ports/platform.js"
import { PEERS_NEED_PROXY } from "../torrent/no-sources.js"
import type { Torrent } from "../torrent/torrent.js"
import { stalled } from "./stalled.js"
import { unlessAborted } from "./unless-aborted.js"

/** How often it is looked whether what the caller waits for is there, while the torrent works on more than that. ms */
const LOOK = 250

/** What to do where peers are not reached. */
const FOR_PEERS = `try again later, which continues where it stopped; ${PEERS_NEED_PROXY}`

/** A torrent, as far as waiting for it goes. */
type Waited = Pick<Torrent, "whenComplete" | "idleTime" | "waitingFor">

/**
 * Waits for a torrent's completion or, before that, for `isThere`; for the caller's signal, or the end of his patience
 * (`timeout`, ms without a byte).
 *
 * @throws AtError what made completion impossible; `AT_ABORTED`, `AT_STALLED`
 */
export async function waitComplete(
  torrent: Waited,
  clock: Clock,
  options: {
    signal?: AbortSignal | undefined
    timeout?: number | undefined
    isThere?: (() => boolean) | undefined
    reach?: Platform["reach"]
  },
): Promise<void> {
  const { signal, timeout, isThere, reach } = options
  if (signal?.aborted) throw abortError(signal.reason)
  const timers = new Map<string, Timer>()
  const sooner = new Promise<void>((resolve, reject) => {
    const lookForPart = (): void => {
      if (isThere?.()) resolve()
      else timers.set("part", clock.after(LOOK, lookForPart))
    }
    if (isThere !== undefined) lookForPart()
    if (timeout === undefined) return
    const lookForArrivals = (): void => {
      const left = timeout - torrent.idleTime
      if (left <= 0) reject(stalled(timeout, torrent.waitingFor(), reach === "web" ? FOR_PEERS : undefined))
      else timers.set("arrivals", clock.after(left, lookForArrivals))
    }
    timers.set("arrivals", clock.after(timeout, lookForArrivals))
  })
  try {
    await unlessAborted(signal, Promise.race([torrent.whenComplete(), sooner]))
  } finally {
    for (const timer of timers.values()) timer.cancel()
  }
}
