import { abortError, ProtocolError } from "../errors.js"
import type { Platform } from "../ports/platform.js"
import type { ScrapeCounts } from "./announce.js"
import { TrackerClient } from "./tracker-client.js"
import { parseTrackerUrl } from "./tracker-url.js"

/**
 * Asks a tracker how many peers a torrent has, without joining them (BEP 48, BEP 15).
 *
 * @param infoHash 20 bytes
 * @throws ProtocolError when the tracker can't be had or does not say; AtError `AT_ABORTED` when `signal` ends it
 */
export async function scrape(
  platform: Pick<Platform, "reach" | "clock" | "random" | "net" | "udp" | "http">,
  url: string,
  infoHash: Uint8Array,
  signal: AbortSignal,
): Promise<ScrapeCounts> {
  const client = new TrackerClient(platform)
  try {
    const outcome = await client.scrape(parseTrackerUrl(url), infoHash, signal)
    if (signal.aborted) throw abortError(signal.reason)
    if (outcome.kind === "failed") throw new ProtocolError(outcome.message)
    return outcome.counts
  } finally {
    await client.close()
  }
}
