import { formatSize } from "../bytes/words.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"
import { formatElapsed, formatRate } from "./units.js"

/** So many seconds before the transfers are no news. */
const SHORT = 5

/**
 * What a download brought, of use and besides, and how fast; `seconds` is how long the whole command took. To wait for others and to
 * check what is on disk may take much longer than the transfers.
 */
export function getSummary({ received, wasted, elapsed }: TorrentStats, seconds: number): string {
  const got = received.total - wasted.total
  const transfer = elapsed / 1000
  const before = seconds - transfer
  return [
    `${formatSize(got)} in ${formatElapsed(transfer)}, ${formatRate(got / Math.max(transfer, 0.001))}`,
    ...(wasted.total === 0 ? [] : [`another ${formatSize(wasted.total)} arrived and was not needed`]),
    ...(before < SHORT ? [] : [`waiting and checking before that took ${formatElapsed(before)}`]),
  ].join("; ")
}
