import type { Metainfo } from "../metainfo/metainfo.js"
import type { ScrapeCounts } from "../tracker/announce.js"
import { MAX_TRACKERS } from "../tracker/announcer.js"
import { TrackerClient } from "../tracker/tracker-client.js"
import { parseTrackerUrl } from "../tracker/tracker-url.js"
import type { ResolveContext } from "./resolve.js"
import { trackerLimiter } from "./tracker-limiter.js"
import { unlessAborted } from "./unless-aborted.js"

export type { ScrapeCounts }

/** Trackers that have not answered by then are not waited for, ms. */
const PATIENCE = 5_000

/**
 * What one tracker knows about a swarm: `seeds` have everything, `leechers` are downloading, `downloads` were completed; null if
 * the tracker does not say. If it did not answer, `message` says why.
 */
export type SwarmSize =
  | ({ readonly kind: "known"; readonly tracker: string } & ScrapeCounts)
  | { readonly kind: "failed"; readonly tracker: string; readonly message: string }

/** Asks all trackers of a dataset, at the same time, how many peers have it (BEP 48, BEP 15), without joining them. */
export async function swarmSizes(
  { platform, offline }: Pick<ResolveContext, "platform" | "offline">,
  metainfo: Metainfo,
  signal: AbortSignal,
): Promise<SwarmSize[]> {
  const trackers = metainfo.trackers.flat().slice(0, MAX_TRACKERS)
  if (offline) return trackers.map((tracker) => ({ kind: "failed", tracker, message: "not asked: offline" }))
  const enough = new AbortController()
  const timer = platform.clock.after(PATIENCE, () => enough.abort())
  const client = new TrackerClient(platform, trackerLimiter)
  const ask = async (tracker: string): Promise<SwarmSize> => {
    const outcome = await client.scrape(parseTrackerUrl(tracker), metainfo.infoHash, enough.signal)
    if (outcome.kind === "answered") return { kind: "known", tracker, ...outcome.counts }
    return { kind: "failed", tracker, message: enough.signal.aborted ? "no answer" : outcome.message }
  }
  try {
    return await unlessAborted(signal, Promise.all(trackers.map(ask)))
  } finally {
    timer.cancel()
    enough.abort()
    await client.close()
  }
}
