import { BOTTLENECKS, type Bottleneck } from "../torrent/statistics/bottleneck.js"
import type { TorrentStats } from "../torrent/statistics/torrent-stats.js"

const IDLE_STAGE = { bytes: 0, busy: 0, meanPieces: 0, maxPieces: 0 }

/** What there is to say when nothing was transferred. */
export function noStats(): TorrentStats {
  const waits = Object.fromEntries(BOTTLENECKS.map((name) => [name, 0])) as Record<Bottleneck, number>
  return {
    elapsed: 0,
    waits: { ...waits, total: 0 },
    received: { total: 0, fromPeers: 0, fromWebSeeds: 0 },
    wasted: { total: 0, duplicate: 0, unasked: 0, corrupt: 0, cutOff: 0, dropped: 0 },
    uploaded: 0,
    slots: { capacity: 0, peak: 0, bytesEach: 0 },
    commits: {
      store: { ...IDLE_STAGE, hashing: 0, writing: 0 },
      hash: IDLE_STAGE,
      disk: IDLE_STAGE,
      pieces: 0,
      meanTime: 0,
      maxTime: 0,
    },
    connections: { peersPeak: 0, webSeedsPeak: 0 },
    eventLoop: { meanDelay: 0, p99Delay: 0, maxDelay: 0 },
  }
}
