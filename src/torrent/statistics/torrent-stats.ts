import type { CommitStats } from "../../storage/commit-meter.js"
import type { Bottleneck } from "./bottleneck.js"

/**
 * Where a dataset's transfers spent their time, and what became of the bytes. Times are milliseconds, sizes bytes of
 * payload. What is not counted as it happens is looked at four times a second, so that a download of a second or two
 * gets but a rough answer.
 */
export interface TorrentStats {
  /** Since the transfers were started, until they ended or now. */
  readonly elapsed: number
  /** Time in which something was being fetched, by what it waited for. The parts add up to `total`. */
  readonly waits: Readonly<Record<Bottleneck, number>> & { readonly total: number }
  readonly received: { readonly total: number; readonly fromPeers: number; readonly fromWebSeeds: number }
  /** Received bytes that were of no use. The parts add up to `total`. */
  readonly wasted: {
    readonly total: number
    /** Another source had delivered the block first. */
    readonly duplicate: number
    /** Blocks that peers sent unasked, or after the request was taken back. */
    readonly unasked: number
    /** Pieces that did not hash right. */
    readonly corrupt: number
    /** Web seeds' answers that ended in the middle of a block. */
    readonly cutOff: number
    /** Blocks of pieces that were given up: not wanted any more, or nobody had the rest. */
    readonly dropped: number
  }
  readonly uploaded: number
  /** Memory for pieces that are being filled, hashed and written: how many there is room for, and were at most. */
  readonly slots: { readonly capacity: number; readonly peak: number; readonly bytesEach: number }
  /** How full pieces reached the disk. */
  readonly commits: CommitStats
  /** Peers connected and web seeds' answers under way, at most. */
  readonly connections: { readonly peersPeak: number; readonly webSeedsPeak: number }
  /** How late the 250 ms timer fired: how long this program's one thread was busy with something else. */
  readonly eventLoop: { readonly meanDelay: number; readonly p99Delay: number; readonly maxDelay: number }
}
