import type { Endpoint } from "../../ports/net.js"
import type { Announcers } from "../../tracker/announcers.js"
import type { WebSeedRoster } from "../receiving/web-seed-roster.js"
import type { Roster } from "../roster.js"
import type { Totals } from "../totals.js"
import type { Discoveries, Need } from "./discoveries.js"
import type { PeerBook, PeerOrigin } from "./peer-book.js"

/**
 * ms without a byte after which others are asked for although somebody is there. Peers try out another every 30 s (BEP 3): who has
 * given nothing by then may never do.
 */
const FRUITLESS = 30_000

interface Parts {
  readonly announcer: Pick<Announcers, "announceSoon" | "moved" | "status">
  readonly discoveries: Pick<Discoveries, "tick" | "soon">
  readonly book: Pick<PeerBook, "add" | "size">
  readonly roster: Pick<Roster, "connectedCount">
  readonly webSeeds: Pick<WebSeedRoster, "all" | "activeCount">
  readonly totals: Pick<Totals, "lastArrival">
}

/** Where a torrent's peers come from: trackers and discoveries are asked when they are needed, and the book keeps who is named. */
export class PeerSupply {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Peers were named; `v2`: to who asked for the v2 infohash of a hybrid. */
  add(endpoints: readonly Endpoint[], { origin, v2, now }: { origin: PeerOrigin; v2: boolean; now: number }): void {
    for (const endpoint of endpoints) this.#parts.book.add(endpoint, origin, now, { v2 })
  }

  /** See {@link Announcers.moved}. */
  moved(elsewhere: boolean): void {
    this.#parts.announcer.moved(elsewhere)
    this.#parts.discoveries.soon()
  }

  /** To be called every 250 ms, and first at the start. */
  tick(need: Pick<Need, "now" | "wantsPeers" | "downloading">): void {
    const { announcer, discoveries, book, roster, webSeeds, totals } = this.#parts
    discoveries.tick({
      ...need,
      lastArrival: totals.lastArrival,
      noOtherSource: book.size === 0 && webSeeds.all.length === 0 && announcer.status().length === 0,
    })
    if (!need.downloading) return
    const alone = roster.connectedCount === 0 && webSeeds.activeCount === 0
    if (!alone && need.now - totals.lastArrival < FRUITLESS) return
    announcer.announceSoon()
    discoveries.soon()
  }
}
