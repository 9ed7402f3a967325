import type { Clock } from "../ports/clock.js"
import { ConnectionBudget } from "../torrent/finding/connection-budget.js"
import { RateLimit } from "../torrent/rate-limit.js"

/** Options of `setLimits`. */
export interface LimitOptions {
  /** Bytes per second, above 0. Default: no limit. */
  readonly maxDownload?: number | undefined
  /** Bytes per second, above 0. Default: no limit. */
  readonly maxUpload?: number | undefined
  /** Connections to peers at the same time: a whole number, at least 1. Default: 200. */
  readonly maxConnections?: number | undefined
}

/** What several may do together: the sessions of a process, or the torrents of a session. */
export class Limits {
  readonly download: RateLimit
  readonly upload: RateLimit
  readonly connections: ConnectionBudget

  /** What is done here counts above, too. Connections are counted at the top alone. */
  constructor(clock: Clock, options: LimitOptions, above?: Limits) {
    this.download = new RateLimit(clock, options.maxDownload, above?.download)
    this.upload = new RateLimit(clock, options.maxUpload, above?.upload)
    this.connections = above?.connections ?? new ConnectionBudget(options.maxConnections)
  }
}
