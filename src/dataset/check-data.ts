import { type VerifyReport, verifyData } from "../storage/verify.js"
import type { EngagementParts } from "./engagement.js"
import type { ProgressFeed } from "./progress-feed.js"
import { stillSnapshot } from "./still-snapshot.js"
import type { Work } from "./work.js"

/** Reads and checks these files (indexes) on disk; the work hears of what is damaged. */
export async function checkData(
  dataset: { readonly name: string; readonly infoHash: string },
  { platform, resolved, datastore, options }: EngagementParts,
  { work, feed }: { readonly work: Work; readonly feed: ProgressFeed },
  { selected, signal }: { readonly selected: ReadonlySet<number>; readonly signal: AbortSignal },
): Promise<VerifyReport> {
  const hearer = options.data === undefined ? work.forCheck() : undefined
  try {
    return await verifyData({
      platform,
      metainfo: resolved.metainfo,
      ...(options.data === undefined ? { datastore, ...hearer } : { dataPath: options.data }),
      selected,
      signal,
      onProgress: (done, total) =>
        feed.show(stillSnapshot(dataset, { state: "checking", doneBytes: done, totalBytes: total })),
    })
  } finally {
    await hearer?.onEnd()
  }
}
