import type { Clock, Timer } from "../ports/clock.js"
import type { Torrent } from "../torrent/torrent.js"
import { type Patience, patiently } from "./patiently.js"

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
  let timer: Timer | undefined
  const sooner = new Promise<void>((resolve) => {
    const look = (): void => {
      if (isThere()) resolve()
      else timer = clock.after(LOOK, look)
    }
    look()
  })
  try {
    await patiently(() => Promise.race([torrent.whenComplete(), sooner]), torrent, clock, patience)
  } finally {
    timer?.cancel()
  }
}
