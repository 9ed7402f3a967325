import { RateMeter } from "../../bytes/rate-meter.js"
import { knownAs } from "../../metainfo/known-as.js"
import type { Metainfo } from "../../metainfo/metainfo.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Slot } from "../../storage/slots.js"
import type { Announcers } from "../../tracker/announcers.js"
import type { Discoveries } from "../finding/discoveries.js"
import type { PeerBook } from "../finding/peer-book.js"
import type { Uploads } from "../giving/uploads.js"
import type { WebSeedRoster } from "../receiving/web-seed-roster.js"
import type { Roster } from "../roster.js"
import type { Totals } from "../totals.js"
import type { ProgressSnapshot, TorrentState } from "./progress.js"
import type { Tally } from "./tally.js"
import { areQueued, noTracker, OTHERS_FIRST, QUIET, waitingReason } from "./waiting-reason.js"

interface Parts {
  readonly metainfo: Metainfo
  readonly table: PieceTable<Slot>
  readonly tally: Tally
  readonly totals: Totals
  readonly uploads: Uploads
  readonly roster: Roster
  readonly webSeeds: WebSeedRoster
  readonly announcer: Announcers
  readonly discoveries: Discoveries
  readonly book: PeerBook
  readonly unusable: readonly string[]
}

/** Puts together what a user sees of a torrent at work. */
export class Statistics {
  readonly #parts: Parts
  readonly #uploadMeter = new RateMeter()
  #meteredUpload = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** To be called every 250 ms. */
  tick(now: number): void {
    const { uploaded } = this.#parts.uploads
    this.#uploadMeter.add(uploaded - this.#meteredUpload, now)
    this.#meteredUpload = uploaded
  }

  snapshot(state: TorrentState, now: number): ProgressSnapshot {
    const { metainfo, table, tally, totals, uploads, roster, webSeeds, book } = this.#parts
    const downloadRate = totals.peerRate(now) + totals.webSeedRate(now)
    const connected = [...roster.connected()]
    return {
      name: metainfo.name,
      infoHash: knownAs(metainfo),
      state,
      totalBytes: tally.totalBytes,
      doneBytes: tally.doneBytes,
      totalPieces: tally.totalPieces,
      donePieces: tally.donePieces,
      downloadRate,
      uploadRate: this.#uploadMeter.rate(now),
      eta: downloadRate > 0 ? (tally.totalBytes - tally.doneBytes) / downloadRate : null,
      fromPeers: totals.peerBytes,
      fromWebSeeds: totals.webSeedBytes,
      uploaded: uploads.uploaded,
      wasted: totals.wasted + table.droppedBytes,
      peers: {
        connected: connected.length,
        seeds: connected.filter(({ session }) => session.isSeed).length,
        known: book.size,
      },
      webSeeds: {
        active: webSeeds.activeCount,
        usable: webSeeds.all.filter(({ state }) => state.kind !== "disabled").length,
        total: webSeeds.all.length,
      },
      waitingFor: this.#reason(state, connected.length, now),
    }
  }

  /** Why nothing arrives, or why nobody comes for what is given. */
  #reason(state: TorrentState, connected: number, now: number): string | null {
    const { totals, announcer } = this.#parts
    if (state === "downloading") return now - totals.lastArrival >= QUIET ? this.waitingFor(now) : null
    if (state !== "seeding" || connected > 0) return null
    const trackers = announcer.status()
    if (areQueued(trackers)) return OTHERS_FIRST
    return trackers.length > 0 && announcer.exhausted ? noTracker(trackers) : null
  }

  /** Why nothing arrives, however short it has been so. */
  waitingFor(now: number): string {
    const { roster, webSeeds, announcer, discoveries, book, unusable } = this.#parts
    const lacking = webSeeds.lacking()
    return waitingReason({
      now,
      peers: [...roster.connected()].map(({ session }) => ({
        choking: session.peerChoking,
        interesting: session.amInterested,
      })),
      connecting: roster.connectingCount,
      known: book.size,
      unusable,
      trackers: announcer.status(),
      discoveries: discoveries.status(),
      webSeeds: webSeeds.all.map(({ url, stateWithRefused: state }, index) => ({
        url,
        state,
        lacking: lacking[index] ?? 0,
      })),
    })
  }
}
