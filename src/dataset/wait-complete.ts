import type { Clock } from "../ports/clock.js"
import type { Torrent } from "../torrent/torrent.js"
import { type Patience, patiently } from "./patiently.js"
import { sleep } from "./sleep.js"

/** How often it is looked whether what the caller waits for is there, while the torrent works on more than that. ms */
const LOOK = 250

/** A torrent, as far as waiting for it goes. */
type Waited = Pick<Torrent, "whenComplete" | "idleTime" | "waitingFor">

/**
 * Waits for a torrent's completion or, before that, for `isThere`.
 *
 * @throws AtError what made completion impossible; `AT_ABORTED`, `AT_STALLED`
 */
export async function waitComplete(
  torrent: Waited,
  clock: Clock,
  { isThere, ...patience }: Patience & { readonly isThere: () => boolean },
): Promise<void> {
  const sooner = async (over: AbortSignal): Promise<void> => {
    while (!isThere()) await sleep(clock, LOOK, over)
  }
  await patiently((over) => Promise.race([torrent.whenComplete(), sooner(over)]), torrent, clock, patience)
}
