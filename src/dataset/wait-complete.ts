import { AtError, abortError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { Torrent } from "../torrent/torrent.js"

/** A torrent, as far as waiting for it goes. */
type Waited = Pick<Torrent, "whenComplete" | "idleTime" | "snapshot">

/**
 * Waits for a torrent's completion, the caller's signal, or the end of his patience (`timeout`, ms without a byte).
 *
 * @throws AtError what made completion impossible; `AT_ABORTED`, `AT_STALLED`
 */
export async function waitComplete(
  torrent: Waited,
  clock: Clock,
  options: { signal?: AbortSignal | undefined; timeout?: number | undefined },
): Promise<void> {
  const { signal, timeout } = options
  if (signal?.aborted) throw abortError(signal.reason)
  const over = new AbortController()
  const gaveUp = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(abortError(signal?.reason))
    signal?.addEventListener("abort", onAbort, { once: true, signal: over.signal })
    if (timeout === undefined) return
    const look = (): void => {
      const left = timeout - torrent.idleTime
      if (left <= 0) reject(stalled(torrent, timeout))
      else timer = clock.after(left, look)
    }
    let timer = clock.after(timeout, look)
    over.signal.addEventListener("abort", () => timer.cancel())
  })
  try {
    await Promise.race([torrent.whenComplete(), gaveUp])
  } finally {
    over.abort()
  }
}

function stalled(torrent: Pick<Torrent, "snapshot">, timeout: number): AtError {
  const { waitingFor } = torrent.snapshot()
  const why = waitingFor === null ? "" : `: ${waitingFor}`
  return new AtError("AT_STALLED", `nothing arrived for ${timeout / 1000} s${why}`, {
    hint: "run the same command again later to go on where it stopped, or name a source with --url or --peer",
  })
}
