import { toHex } from "../bytes/hex.js"
import { parseUrl, redactUrl } from "../bytes/url.js"
import type { Clock } from "../ports/clock.js"
import { NOTHING_MOVES, type ProgressSnapshot } from "../torrent/statistics/progress.js"
import type { ProgressFeed } from "./progress-feed.js"

/** ms. Answers mostly come in less, and then there is nothing to say. */
const LATE = 2_000

/** A .torrent that was asked for. */
interface Asked {
  readonly url: string
  /** Of the dataset, for people. */
  readonly name: string
  /** Undefined where nobody knows it before the answer is there. */
  readonly infoHash: Uint8Array | undefined
}

/** Waits for an answer; once it is late, the feed says what is waited for. */
export async function lateAnswer<T>(
  answer: Promise<T>,
  asked: Asked,
  { clock, feed }: { clock: Clock; feed: Pick<ProgressFeed, "follow" | "forget"> },
): Promise<T> {
  const timer = clock.after(LATE, () => feed.follow({ snapshot: () => waitingSnapshot(asked) }))
  try {
    return await answer
  } finally {
    timer.cancel()
    feed.forget()
  }
}

function waitingSnapshot({ url, name, infoHash }: Asked): ProgressSnapshot {
  return {
    ...NOTHING_MOVES,
    name,
    infoHash: infoHash === undefined ? "" : toHex(infoHash),
    state: "metadata",
    totalBytes: 0,
    doneBytes: 0,
    waitingFor: `an answer from ${parseUrl(url)?.host ?? redactUrl(url)}`,
  }
}
