import type { Metainfo } from "../metainfo/metainfo.js"
import type { Platform } from "../ports/platform.js"
import { scrape } from "../tracker/scrape.js"

/** Trackers that have not answered by then are not waited for, ms. */
const PATIENCE = 5_000

/** How many have a dataset, as one tracker knows. */
export type SwarmSize =
  | {
      readonly kind: "known"
      readonly tracker: string
      readonly seeds: number | null
      readonly leechers: number | null
    }
  | { readonly kind: "failed"; readonly tracker: string; readonly message: string }

/** Asks all trackers of a dataset, at the same time, how many peers have it (BEP 48, BEP 15). */
export async function swarmSizes(platform: Platform, metainfo: Metainfo, signal?: AbortSignal): Promise<SwarmSize[]> {
  const enough = new AbortController()
  const stop = (): void => enough.abort()
  signal?.addEventListener("abort", stop, { once: true })
  const timer = platform.clock.after(PATIENCE, stop)
  try {
    return await Promise.all(
      metainfo.trackers.flat().map(async (tracker): Promise<SwarmSize> => {
        try {
          const { seeds, leechers } = await scrape(platform, tracker, metainfo.infoHash, enough.signal)
          return { kind: "known", tracker, seeds, leechers }
        } catch (error) {
          const message = enough.signal.aborted ? "no answer" : error instanceof Error ? error.message : String(error)
          return { kind: "failed", tracker, message }
        }
      }),
    )
  } finally {
    timer.cancel()
    signal?.removeEventListener("abort", stop)
  }
}
