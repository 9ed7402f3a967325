import { DelayHistogram } from "../../bytes/delay-histogram.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Clock } from "../../ports/clock.js"
import type { PieceStore } from "../../storage/piece-store.js"
import type { Slot } from "../../storage/slots.js"
import type { Uploads } from "../giving/uploads.js"
import type { WebSeedRoster } from "../receiving/web-seed-roster.js"
import type { WebSeedRuns } from "../receiving/web-seed-runs.js"
import type { Roster } from "../roster.js"
import type { Swarm } from "../swarm.js"
import type { Totals } from "../totals.js"
import { BOTTLENECKS, type Bottleneck, bottleneck, type Moment } from "./bottleneck.js"
import type { TorrentStats } from "./torrent-stats.js"

interface Parts {
  readonly clock: Clock
  readonly table: PieceTable<Slot>
  readonly store: Pick<PieceStore, "slots" | "meter">
  readonly totals: Totals
  readonly uploads: Pick<Uploads, "uploaded">
  readonly roster: Pick<Roster, "connected">
  readonly swarm: Pick<Swarm, "holding">
  readonly webSeeds: Pick<WebSeedRoster, "activeCount" | "waitingCount">
  readonly webSeedRuns: Pick<WebSeedRuns, "paused">
}

/** Finds out where a torrent's time goes, by a look at each tick. */
export class StatsCollector {
  readonly #parts: Parts
  readonly #waits = Object.fromEntries(BOTTLENECKS.map((name) => [name, 0])) as Record<Bottleneck, number>
  readonly #delays = new DelayHistogram()
  #started: number | undefined
  #ended: number | undefined
  /** When the last look was; undefined while nothing is being fetched. */
  #looked: number | undefined
  /** What was seen then. */
  #seen: Bottleneck = "other"
  #peersPeak = 0
  #webSeedsPeak = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The torrent goes to work. */
  start(downloading: boolean): void {
    this.#started = this.#parts.clock.now()
    if (downloading) this.resume()
  }

  /** There is something to fetch from now on. */
  resume(): void {
    this.#looked = this.#parts.clock.now()
    this.#seen = "other"
  }

  /** There is nothing to fetch from now on: the time since the last look was like that before it. */
  pause(): void {
    this.#count(this.#parts.clock.now())
    this.#looked = undefined
  }

  /** It is over. */
  end(): void {
    this.pause()
    this.#ended ??= this.#parts.clock.now()
  }

  /** To be called every 250 ms, before anything else is done: things stand as they did in the time before. */
  tick(late: number): void {
    this.#delays.add(Math.max(0, late))
    const moment = this.#look()
    if (this.#looked === undefined) return
    this.#seen = bottleneck(moment)
    this.#count(this.#parts.clock.now())
  }

  snapshot(): TorrentStats {
    const { clock, table, totals, uploads, store } = this.#parts
    const now = this.#ended ?? clock.now()
    const waits = { ...this.#waits }
    if (this.#looked !== undefined) waits[this.#seen] += now - this.#looked
    const { duplicateBytes, unaskedBytes, corruptBytes, cutOffBytes } = totals
    return {
      elapsed: now - (this.#started ?? now),
      waits: { ...waits, total: BOTTLENECKS.reduce((sum, name) => sum + waits[name], 0) },
      received: { total: totals.downloaded, fromPeers: totals.peerBytes, fromWebSeeds: totals.webSeedBytes },
      wasted: {
        total: totals.wasted + table.droppedBytes,
        duplicate: duplicateBytes,
        unasked: unaskedBytes,
        corrupt: corruptBytes,
        cutOff: cutOffBytes,
        dropped: table.droppedBytes,
      },
      uploaded: uploads.uploaded,
      slots: { capacity: store.slots.capacity, peak: store.slots.peak, bytesEach: table.layout.pieceLength },
      commits: store.meter.stats(),
      connections: { peersPeak: this.#peersPeak, webSeedsPeak: this.#webSeedsPeak },
      eventLoop: {
        meanDelay: this.#delays.mean,
        p99Delay: this.#delays.percentile(0.99),
        maxDelay: this.#delays.max,
      },
    }
  }

  #count(now: number): void {
    if (this.#looked === undefined) return
    this.#waits[this.#seen] += now - this.#looked
    this.#looked = now
  }

  /** O(peers). */
  #look(): Moment {
    const { table, roster, swarm, webSeeds, webSeedRuns } = this.#parts
    let peers = 0
    let peerHasRoom = false
    let peerIsFull = false
    let peerIsAsked = false
    for (const { session } of roster.connected()) {
      peers++
      if (session.requester.outstanding > 0) peerIsAsked = true
      if (session.requester.windowFull) peerIsFull = true
      else if (session.amInterested && session.requester.room > 0) peerHasRoom = true
    }
    const runs = webSeeds.activeCount
    this.#peersPeak = Math.max(this.#peersPeak, peers)
    this.#webSeedsPeak = Math.max(this.#webSeedsPeak, runs)
    return {
      limited: swarm.holding || webSeedRuns.paused,
      memoryLeft: table.memoryLeft,
      missing: table.count("missing") + table.count("reserved") > 0,
      requestable: this.#someRequestable(),
      open: table.open.size > 0,
      peerHasRoom,
      peerIsFull,
      peerIsAsked,
      runs,
      waitingRuns: webSeeds.waitingCount,
    }
  }

  /** Those that a web seed fills are not for others, and are few. */
  #someRequestable(): boolean {
    for (const open of this.#parts.table.requestable) if (!open.inRun) return true
    return false
  }
}
