import { BLOCK_LENGTH } from "../metainfo/layout.js"
import type { OpenPiece } from "../picker/open-piece.js"
import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import { Run } from "../picker/run.js"
import type { Clock } from "../ports/clock.js"
import type { Http } from "../ports/http.js"
import type { Log } from "../ports/log.js"
import type { Slot } from "../storage/slots.js"
import { RangeSession } from "../webseed/range-session.js"
import type { WebSeed } from "../webseed/web-seed.js"
import type { Intake } from "./intake.js"
import type { RateLimit } from "./rate-limit.js"
import { RunTransfer } from "./run-transfer.js"
import type { Totals } from "./totals.js"

/** An open piece this old may be completed by a web seed although others are at it, ms. */
const SLOW_PIECE = 10_000

interface Active {
  readonly source: Source
  readonly session: RangeSession
  readonly transfer: RunTransfer
  readonly run: Run
}

interface Source {
  readonly id: number
  readonly seed: WebSeed
  readonly active: Set<Active>
  /** Where its last run ended: it goes on there when it can. */
  after: number | undefined
}

export interface WebSeedSourcesOptions {
  readonly http: Http
  readonly clock: Clock
  readonly log: Log
  readonly seeds: readonly WebSeed[]
  readonly table: PieceTable<Slot>
  readonly picker: Picker<Slot>
  readonly intake: Intake
  readonly totals: Totals
  readonly downloadLimit: RateLimit
  readonly nextSourceId: () => number
}

/** The web seeds of one torrent: gives each as many runs as it bears, and leads their bytes into the open pieces. */
export class WebSeedSources {
  readonly #o: WebSeedSourcesOptions
  readonly #sources: readonly Source[]
  #closing = false
  #paused = false

  constructor(options: WebSeedSourcesOptions) {
    this.#o = options
    this.#sources = options.seeds.map((seed) => ({
      id: options.nextSourceId(),
      seed,
      active: new Set<Active>(),
      after: undefined,
    }))
  }

  get seeds(): readonly WebSeed[] {
    return this.#o.seeds
  }

  /** Runs under way. */
  get activeCount(): number {
    return this.#sources.reduce((count, source) => count + source.active.size, 0)
  }

  /** True while a web seed may yet deliver the piece, now or after a wait. */
  anyoneHas(piece: number): boolean {
    return this.#o.seeds.some((seed) => seed.state.kind !== "disabled" && seed.hasPiece(piece))
  }

  /** The web seed behind a source number. */
  seedById(id: number): WebSeed | undefined {
    return this.#sources.find((source) => source.id === id)?.seed
  }

  /** Starts runs wherever there is room: a web seed ready for one more, memory for its first piece, pieces to fetch. */
  startRuns(): void {
    if (this.#closing || this.#paused) return
    for (const source of this.#sources) {
      while (source.seed.state.kind === "ready" && source.active.size < source.seed.concurrency.limit) {
        if (!this.#startRun(source)) break
      }
    }
  }

  /** A slot is free: runs that wait for one come first. */
  memoryFreed(): void {
    for (const { active } of this.#sources) for (const { transfer } of active) if (transfer.waiting) transfer.retry()
    this.startRuns()
  }

  /** To be called every 250 ms. */
  tick(): void {
    const pause = !this.#o.downloadLimit.open
    if (pause !== this.#paused) {
      this.#paused = pause
      for (const { active } of this.#sources) {
        for (const { session, transfer } of active) {
          if (pause) session.pause()
          else if (!transfer.waiting) session.resume()
        }
      }
    }
    this.startRuns()
  }

  /** Ends all runs; what they brought stays. */
  endRuns(): void {
    for (const { active } of this.#sources) for (const run of [...active]) this.#end(run, true)
  }

  /** Ends all runs, and starts none again. */
  close(): void {
    this.#closing = true
    this.endRuns()
  }

  #startRun(source: Source): boolean {
    const picked = this.#pick(source)
    if (picked === undefined) return false
    const { run, first, position } = picked
    const { layout } = this.#o.table
    const offset = layout.pieceOffset(first.piece) + position
    const end = Math.min(layout.length, layout.pieceOffset(run.end))
    const session: RangeSession = new RangeSession({
      seed: source.seed,
      http: this.#o.http,
      clock: this.#o.clock,
      offset,
      end,
      listener: {
        onBytes: (chunk) => {
          const wastedBefore = transfer.wasted
          transfer.write(chunk)
          this.#o.totals.fromWebSeed(chunk.length, this.#o.clock.now())
          this.#o.totals.duplicateBytes += transfer.wasted - wastedBefore
          this.#o.downloadLimit.take(chunk.length)
          if (!this.#paused && !this.#o.downloadLimit.open) this.tick()
        },
        onDone: () => this.#end(active, false),
        onFault: ({ message }) => {
          this.#o.log.log("debug", "web seed", `${source.seed.name}: ${message}`)
          this.#end(active, false)
        },
      },
    })
    const transfer = new RunTransfer({
      id: source.id,
      run,
      source: {
        pause: () => session.pause(),
        resume: () => {
          if (!this.#paused) session.resume()
        },
      },
      first,
      position,
      table: this.#o.table,
      picker: this.#o.picker,
      intake: this.#o.intake,
      now: () => this.#o.clock.now(),
    })
    const active: Active = { source, session, transfer, run }
    run.onShortened = () => session.shorten(Math.min(layout.length, layout.pieceOffset(run.end)))
    source.active.add(active)
    source.after = run.end
    session.start()
    return true
  }

  /** What the source fetches next, with its first piece open; undefined when there is nothing for it to do. */
  #pick(source: Source): { run: Run; first: OpenPiece<Slot>; position: number } | undefined {
    const { picker, clock, table } = this.#o
    const now = clock.now()
    const has = (piece: number): boolean => source.seed.hasPiece(piece)
    const run = table.memoryLeft
      ? (picker.pickRun(has, source.seed.runLength.bytes, source.after) ?? this.#split(has))
      : undefined
    const next = run === undefined ? undefined : picker.openNext(run, now)
    if (run !== undefined && next !== undefined) return { run, first: next, position: 0 }
    const first = picker.pickStuck(
      (open) => has(open.piece) && (open.outstanding === 0 || now - open.openedAt > SLOW_PIECE),
    )
    if (first === undefined) return undefined
    first.inRun = true
    let index = 0
    while (first.isReceived(index)) index++
    return { run: new Run(first.piece + 1), first, position: index * BLOCK_LENGTH }
  }

  #split(has: (piece: number) => boolean): Run | undefined {
    const split = this.#o.picker.splitRun(has)
    split?.shortened.onShortened?.()
    return split?.run
  }

  #end(active: Active, abort: boolean): void {
    if (!active.source.active.delete(active)) return
    active.run.onShortened = undefined
    if (abort) active.session.abort()
    active.transfer.end()
    this.startRuns()
  }
}
