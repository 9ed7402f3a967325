import { BLOCK_LENGTH } from "../metainfo/layout.js"
import type { PeerSource } from "./peer-source.js"

/** A queue that lasts so much longer than one's own is worth sharing, ms: less is gone before the answer to a request. */
const WORTHWHILE = 500

/**
 * Takes requests back from peers who will be long at what they were asked for, so that one who has nothing else to do
 * may be asked in their place: the end of their queue, which they would come to last. Each keeps its share, so that both
 * are done at about the same time.
 *
 * `most` requests are taken back at most, of blocks that `fits` accepts.
 *
 * @returns how many were: each is dropped by its peer, as `cancel` always does
 */
export function takeOver(
  helper: PeerSource,
  peers: Iterable<PeerSource>,
  { most, now, fits }: { most: number; now: number; fits: (block: number) => boolean },
): number {
  const { rate } = helper.session.requester
  // Who has shown nothing yet might be slower still.
  if (rate === 0) return 0
  const own = helper.session.requester.timeLeft(now) + (BLOCK_LENGTH * 1000) / rate
  let taken = 0
  for (const peer of peers) {
    if (taken >= most) break
    // All downloaders want something of a seed: what a fellow will give, if late, is not asked of it twice.
    if (peer.counted && helper.countedAs === "seed") continue
    const { requester } = peer.session
    const { outstanding } = requester
    if (outstanding === 0 || peer === helper) continue
    if (requester.timeLeft(now) < 2 * own + WORTHWHILE) continue
    const share = Math.ceil((outstanding * rate) / (rate + requester.rate))
    taken += requester.cancelLast(Math.min(share, most - taken), fits)
  }
  return taken
}
