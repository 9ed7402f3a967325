import { BLOCK_LENGTH } from "../../metainfo/layout.js"
import type { OpenPiece } from "../../picker/open-piece.js"
import type { Picker } from "../../picker/picker.js"
import type { PieceTable } from "../../picker/piece-table.js"
import { Run } from "../../picker/run.js"
import type { Clock } from "../../ports/clock.js"
import type { Slot } from "../../storage/slots.js"
import type { WebSeed } from "../../webseed/web-seed.js"
import type { Totals } from "../totals.js"
import type { ActiveRun, Source, Start } from "./active-run.js"

/** An open piece this old may be completed by a web seed although others are at it, ms. */
const SLOW_PIECE = 10_000
/** So may one whose peers need so much longer than the web seed that it is worth fetching some blocks twice, ms. */
const WORTHWHILE = 1_500
/** A run this old has shown its rate, ms: after as long a silence its request ends. */
const SLOW_RUN = 20_000
/** What a web seed that has brought nothing yet is expected to need, ms. */
const TRIAL = 10_000
/** Bytes a second (56 kbit/s): what is expected of another connection of a web seed that has shown nothing yet. */
const MODEM = 7_000
/** When nothing arrived for so long, a run may start where most of a file is sent for nothing, ms. */
const STUCK = 10_000

/** What is known of how fast peers are. */
export interface PeerTimes {
  /** Milliseconds until the peer with that source number will have sent all it was asked for; 0 when it is gone. */
  timeLeft(source: number, now: number): number
}

interface Parts {
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly totals: Pick<Totals, "lastArrival">
  readonly clock: Clock
  readonly peers: PeerTimes
  /** All of the torrent. */
  readonly webSeeds: readonly WebSeed[]
}

/** Decides what a web seed fetches next. */
export class RunChoice {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** What the source fetches next, with its first piece open; undefined when there is nothing for it to do. */
  pick(source: Source): Start | undefined {
    const { picker, clock, table } = this.#parts
    const now = clock.now()
    const run = table.memoryLeft ? this.#pickRun(source) : undefined
    const next = run === undefined ? undefined : picker.runs.openNext(run, now)
    if (run !== undefined && next !== undefined) return { run, first: next, position: 0 }
    const first = picker.pickStuck(
      (open) =>
        source.webSeed.hasPiece(open.piece) &&
        (open.outstanding === 0 || now - open.openedAt > SLOW_PIECE || this.#isFaster(source.webSeed, open, now)) &&
        this.#canStart(source, open.piece, firstLacking(open)),
    )
    if (first === undefined) return undefined
    first.inRun = true
    return { run: new Run(first.piece + 1), first, position: firstLacking(first) }
  }

  /**
   * The run that will last longest, of those that a source should go on with: its own, as they may be on bad connections,
   * and with nothing else to do those of others.
   */
  takeOver(source: Source, others: readonly Source[]): ActiveRun | undefined {
    const now = this.#parts.clock.now()
    let slowest: ActiveRun | undefined
    for (const other of others) {
      if (other !== source && source.active.size > 0) continue
      // Who sends whole files would begin anew, should the run come back to it.
      if (
        other.webSeed.rangesSupported === false &&
        !(source.webSeed.rangesSupported === true && source.webSeed.proven)
      )
        continue
      for (const active of other.active) {
        if (active.session.timeLeft(now) <= (slowest?.session.timeLeft(now) ?? 0)) continue
        if (this.#goesOnFaster(source, active, now)) slowest = active
      }
    }
    return slowest
  }

  /** Whether the source would need less than half of the time that the run has left, which has had its chance. */
  #goesOnFaster(source: Source, active: ActiveRun, now: number): boolean {
    const { session, transfer } = active
    const { webSeed } = source
    const { table } = this.#parts
    const { open } = transfer
    if (open === undefined || table.open.get(open.piece) !== open || !webSeed.hasPiece(open.piece)) return false
    // Its last run failed: it would only interrupt who is at it.
    if (webSeed.pace === 0) return false
    // A server that needs long for an answer would only begin anew: its time-out is enough.
    if (active.source === source && session.isUnanswered && !webSeed.headPatience.isEasy) return false
    const needed = active.source === source ? renewed(active, now) : timeFor(webSeed, session.bytesLeft)
    const patience = 2 * needed + WORTHWHILE
    if (session.age(now) < Math.min(patience, SLOW_RUN) * 2 ** active.renewals) return false
    if (session.timeLeft(now) <= patience) return false
    return this.#canStart(source, open.piece, firstLacking(open))
  }

  /** Whether the web seed would be done with the piece long before the peer that was asked last. */
  #isFaster(webSeed: WebSeed, open: OpenPiece<Slot>, now: number): boolean {
    const needed = ((open.size - firstLacking(open)) * 1000) / webSeed.rate(now)
    return this.#parts.peers.timeLeft(open.lastAsked, now) > 2 * needed + WORTHWHILE
  }

  #pickRun(source: Source): Run | undefined {
    const { webSeed } = source
    const { table, picker } = this.#parts
    const has = (piece: number): boolean => webSeed.hasPiece(piece)
    if (source.foundNothingAt !== table.missingEpoch) {
      const run = picker.runs.pick({
        has,
        maxBytes: webSeed.runLength.bytes,
        after: source.after,
        canStart: (piece) => this.#canStart(source, piece, 0),
      })
      if (run !== undefined) return run
      // Where it may start depends on what the others do.
      source.foundNothingAt = webSeed.rangesSupported === false ? undefined : table.missingEpoch
    }
    return picker.runs.split((piece) => has(piece) && this.#canStart(source, piece, 0))
  }

  /** A server that knows no ranges is not asked for the middle of a large file while others bring the piece. */
  #canStart({ webSeed }: Source, piece: number, position: number): boolean {
    const { table, totals, clock, webSeeds } = this.#parts
    const offset = table.layout.pieceOffset(piece) + position
    if (webSeed.canStartAt(offset) || clock.now() - totals.lastArrival > STUCK) return true
    const elsewhere = (other: WebSeed): boolean =>
      other !== webSeed && other.state.kind !== "disabled" && other.hasPiece(piece) && other.canStartAt(offset)
    return table.availability.count(piece) === 0 && !webSeeds.some(elsewhere)
  }
}

/** What a web seed needs for so many bytes, as far as is known, ms. */
function timeFor({ pace }: WebSeed, bytes: number): number {
  return pace === undefined ? TRIAL : (bytes * 1000) / pace
}

/**
 * What the rest of a run would take on another connection of its source, ms. That has what the server gave and does not give
 * now: it may have been shared by connections, or have come back a moment ago.
 */
function renewed({ session, source: { webSeed } }: ActiveRun, now: number): number {
  const expected = (webSeed.pace ?? MODEM) - Math.max(webSeed.rate(now) - session.rate(now), 0)
  return expected > 0 ? (session.bytesLeft * 1000) / expected : Number.POSITIVE_INFINITY
}

/** Where in a piece the first block lies that was not received. */
export function firstLacking(open: OpenPiece<Slot>): number {
  let index = 0
  while (open.isReceived(index)) index++
  return index * BLOCK_LENGTH
}
