import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"
import type { Console } from "./console.js"
import { statsTable } from "./stats-table.js"

interface Subject {
  readonly console: Console
  readonly dataset: { readonly name: string; readonly stats: TorrentStats; close(): Promise<void> }
}

/** Does a command's last work with a dataset. When `wanted`, closes it and says where the time went, however it ended. */
export async function thenStats<T>(
  wanted: boolean | undefined,
  { console, dataset }: Subject,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } finally {
    if (wanted === true) {
      await dataset.close()
      if (console.json) console.emit({ type: "stats", ...dataset.stats })
      else console.table(statsTable(dataset.name, dataset.stats))
    }
  }
}
