import { abortError } from "../errors.js"
import type { Clock } from "../ports/clock.js"
import type { Torrent } from "../torrent/torrent.js"
import { sleep } from "./sleep.js"

/** How often the limits are looked at, ms. */
const LOOK = 250

/** When `giveUntil` ends: at the first limit that is reached; without any, never. */
export interface GiveLimits {
  /** How many times the dataset's size was uploaded, 0 or more. */
  readonly ratio?: number | undefined
  /** Milliseconds since sharing began or, if it had begun before, since the call; 0 or more. */
  readonly time?: number | undefined
  /** Ends the wait, which then rejects with `AT_ABORTED`. */
  readonly signal?: AbortSignal | undefined
}

/** A torrent, as far as giving goes. */
type Giver = Pick<Torrent, "givenBytes" | "state" | "whenComplete">

/** Resolves when a limit is reached. @throws AtError `AT_ABORTED` by the signal, or what ended the torrent */
export async function giveUntil(torrent: Giver, size: number, clock: Clock, limits: GiveLimits): Promise<void> {
  const { ratio = Number.POSITIVE_INFINITY, time = Number.POSITIVE_INFINITY, signal } = limits
  if (signal?.aborted) throw abortError(signal.reason)
  const end = clock.now() + time
  for (;;) {
    if (torrent.state === "stopped") throw abortError()
    if (torrent.state === "failed") return torrent.whenComplete()
    if (torrent.givenBytes >= ratio * size || clock.now() >= end) return
    await sleep(clock, LOOK, signal)
  }
}
