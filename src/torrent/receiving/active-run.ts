import type { OpenPiece } from "../../picker/open-piece.js"
import type { Picker } from "../../picker/picker.js"
import type { PieceTable } from "../../picker/piece-table.js"
import type { Run } from "../../picker/run.js"
import type { Clock } from "../../ports/clock.js"
import type { Http } from "../../ports/http.js"
import type { Log } from "../../ports/log.js"
import type { Slot } from "../../storage/slots.js"
import { RangeSession } from "../../webseed/range-session.js"
import type { RunListener, WebSeedFault } from "../../webseed/run-listener.js"
import type { WebSeed } from "../../webseed/web-seed.js"
import type { Totals } from "../totals.js"
import type { Intake } from "./intake.js"
import { type RunSource, RunTransfer, type Waste } from "./run-transfer.js"

/** A web seed, and what it is at. */
export interface Source {
  readonly id: number
  readonly webSeed: WebSeed
  readonly active: Set<ActiveRun>
  /** Where its last run ended: it goes on there when it can. */
  after: number | undefined
  /** The table's `missingEpoch` when nothing was found for it: until that grows there is nothing. */
  foundNothingAt: number | undefined
}

/** What a web seed is to fetch: a run, its first piece, open, and where in that it begins. */
export interface Start {
  readonly run: Run
  readonly first: OpenPiece<Slot>
  readonly position: number
}

export interface ActiveRunParts {
  readonly http: Http
  readonly clock: Clock
  readonly log: Log
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly totals: Totals
}

/** Who started it. */
export interface ActiveRunHost {
  /** Nothing is taken for now. */
  readonly paused: boolean
  /** So many bytes came from the server. */
  onReceived(bytes: number): void
  /** A run is over. */
  onOver(): void
}

/** A run under way: its bytes go from the web seed's answers into its pieces. */
export class ActiveRun implements RunListener, RunSource {
  readonly source: Source
  readonly run: Run
  readonly session: RangeSession
  readonly transfer: RunTransfer
  /** How often the source has asked for it anew, on another connection. */
  readonly renewals: number
  readonly #parts: ActiveRunParts
  readonly #host: ActiveRunHost

  constructor(options: {
    source: Source
    start: Start
    renewals: number
    parts: ActiveRunParts
    host: ActiveRunHost
  }) {
    const { source, start, parts } = options
    const { http, clock, table, picker, intake } = parts
    this.source = source
    this.run = start.run
    this.renewals = options.renewals
    this.#parts = parts
    this.#host = options.host
    const offset = table.layout.pieceOffset(start.first.piece) + start.position
    this.session = new RangeSession({ seed: source.webSeed, http, clock, offset, end: this.#end, listener: this })
    this.transfer = new RunTransfer({
      ...start,
      id: source.id,
      source: this,
      table,
      runs: picker.runs,
      intake,
      now: () => clock.now(),
    })
  }

  start(): void {
    this.run.onShortened = () => this.session.shorten(this.#end)
    this.source.active.add(this)
    this.source.after = this.run.end
    this.session.start()
  }

  /** Ends it where it is: what was received stays, the rest is for others. */
  end(): void {
    if (!this.#leave()) return
    this.transfer.end()
    this.#host.onOver()
  }

  /** Another source, or another connection, goes on with it from where it is. */
  handOver(): void {
    if (this.#leave()) this.transfer.handOver()
  }

  pause(): void {
    this.session.pause()
  }

  resume(): void {
    if (!this.#host.paused && !this.transfer.waiting) this.session.resume()
  }

  stop(): void {
    // A server that knows no ranges could not be asked for the rest.
    if (this.source.webSeed.rangesSupported !== false) this.session.shorten(0)
  }

  onWasted(bytes: number, why: Waste): void {
    if (why === "cut off") this.#parts.totals.cutOffBytes += bytes
    else if (!this.#inPadding) this.#parts.totals.duplicateBytes += bytes
  }

  onBytes(chunk: Uint8Array): void {
    this.transfer.write(chunk)
    if (!this.#inPadding) this.#host.onReceived(chunk.length)
  }

  onDone(): void {
    this.end()
  }

  onFault({ message }: WebSeedFault): void {
    this.#parts.log.log("debug", "web seed", `${this.source.webSeed.name}: ${message}`)
    this.end()
  }

  /** Where the run ends, in the torrent's bytes. */
  get #end(): number {
    const { layout } = this.#parts.table
    return Math.min(layout.length, layout.pieceOffset(this.run.end))
  }

  /** The bytes that came last are those of a padding file: made here, not received. */
  get #inPadding(): boolean {
    const { layout } = this.#parts.table
    return layout.files[layout.fileAt(this.session.position - 1)]?.padding === true
  }

  /** False when it had left already. */
  #leave(): boolean {
    if (!this.source.active.delete(this)) return false
    this.run.onShortened = undefined
    this.session.abort()
    return true
  }
}
