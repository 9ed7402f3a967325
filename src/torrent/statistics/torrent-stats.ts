import type { CommitStats } from "../../storage/commit-meter.js"
import type { Bottleneck } from "./bottleneck.js"

/**
 * Where a dataset's transfers spent their time, and what happened to the bytes. Times are in milliseconds, sizes in bytes of
 * payload. Waits and connections are sampled four times a second, so for a download of one or two seconds they are rough.
 */
export interface TorrentStats {
  /** Time from the start of the transfers to their end, or to now. */
  readonly elapsed: number
  /** The time of downloading, divided by what it waited for ({@link Bottleneck}). The parts add up to `total`. */
  readonly waits: Readonly<Record<Bottleneck, number>> & { readonly total: number }
  /** Bytes that arrived, by where they came from. */
  readonly received: { readonly total: number; readonly fromPeers: number; readonly fromWebSeeds: number }
  /** Received bytes that were of no use. The parts add up to `total`. */
  readonly wasted: {
    readonly total: number
    /** Another source had delivered the block first. */
    readonly duplicate: number
    /** Blocks that peers sent without a request, or after it was cancelled. */
    readonly unasked: number
    /** Pieces with a wrong hash. */
    readonly corrupt: number
    /** Web seeds' answers that ended in the middle of a block. */
    readonly cutOff: number
    /** Blocks of pieces that were given up, because they were not wanted any more or no source had the rest. */
    readonly dropped: number
  }
  /** Bytes sent to others. */
  readonly uploaded: number
  /** Memory for pieces that are being filled, hashed and written: room for `capacity` pieces of `bytesEach`, of which `peak` were used. */
  readonly slots: { readonly capacity: number; readonly peak: number; readonly bytesEach: number }
  /** How full pieces reached the disk. */
  readonly commits: CommitStats
  /** The most peers connected, and the most answers of web seeds under way, at the same time. */
  readonly connections: { readonly peersPeak: number; readonly webSeedsPeak: number }
  /** How late the timer of 250 ms was: how long the program's main thread was busy with something else. */
  readonly eventLoop: { readonly meanDelay: number; readonly p99Delay: number; readonly maxDelay: number }
}
