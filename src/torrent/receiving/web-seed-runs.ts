import type { Run } from "../../picker/run.js"
import type { RateLimit } from "../rate-limit.js"
import { ActiveRun, type ActiveRunHost, type ActiveRunParts, type Source, type Start } from "./active-run.js"
import { firstLacking, type PeerTimes, RunChoice } from "./run-choice.js"
import type { WebSeedRoster } from "./web-seed-roster.js"

/** Bytes: a run with no more to come is about to end. At 25 MB/s it takes 80 ms, a round trip across an ocean. */
const NEARLY_DONE = 2 * 1024 * 1024

export interface WebSeedRunsOptions extends ActiveRunParts {
  readonly webSeeds: WebSeedRoster
  readonly downloadLimit: RateLimit
  readonly peers: PeerTimes
}

/** Gives each web seed of a torrent as many runs as it bears. */
export class WebSeedRuns implements ActiveRunHost {
  readonly #options: WebSeedRunsOptions
  readonly #sources: readonly Source[]
  readonly #choice: RunChoice
  #closing = false
  #paused = false
  readonly #onOpen = (): void => this.tick()

  constructor(options: WebSeedRunsOptions) {
    this.#options = options
    this.#sources = options.webSeeds.sources
    this.#choice = new RunChoice({ ...options, webSeeds: options.webSeeds.all })
  }

  /** Takes nothing until the download limit allows more. */
  get paused(): boolean {
    return this.#paused
  }

  /** The web seed behind a source number sent wrong bytes. */
  pieceCorrupt(id: number, piece: number): void {
    const source = this.#sources.find((candidate) => candidate.id === id)
    if (source === undefined) return
    source.webSeed.pieceCorrupt(piece)
    if (source.webSeed.state.kind === "disabled") for (const run of [...source.active]) run.end()
  }

  /** Starts runs wherever there is room: a web seed ready for one more, memory for its first piece, pieces to fetch. */
  startRuns(): void {
    if (this.#closing || this.#paused) return
    for (const source of this.#sources) {
      if (source.webSeed.releaseRefused()) source.foundNothingAt = undefined
      while (source.webSeed.state.kind === "ready" && source.active.size < this.#mostRuns(source)) {
        if (!this.#startRun(source) && !this.#takeOver(source, this.#sources)) break
      }
      // All of its connections may be bad.
      if (source.webSeed.state.kind === "ready") this.#takeOver(source, [source])
      this.#makeWay(source)
    }
  }

  /**
   * A piece is there. A run that is still in the middle of it was overtaken by peers: it ends, since what is left of the
   * piece would be fetched for nothing, and what comes next is begun sooner by anyone.
   */
  pieceStored(piece: number): void {
    const { layout } = this.#options.table
    const end = layout.pieceOffset(piece) + layout.pieceSize(piece)
    for (const { active } of this.#sources) {
      for (const { session, transfer, run } of active) {
        if (transfer.open?.piece !== piece) continue
        // Only padding is left, which is not fetched.
        if (layout.extents(session.position, end - session.position).length === 0) continue
        this.#options.picker.runs.cut(run, run.next)
        session.shorten(0)
      }
    }
  }

  /** Ends the runs whose pieces the picker dropped. One between two pieces was cut where the next is not wanted. */
  dropUnwanted(): void {
    for (const { active } of this.#sources)
      for (const run of [...active]) if (this.#options.table.is(run.transfer.piece, "unwanted")) run.end()
    this.memoryFreed()
  }

  /** A slot is free: runs that wait for one come first. */
  memoryFreed(): void {
    for (const { active } of this.#sources) for (const { transfer } of active) if (transfer.waiting) transfer.retry()
    this.startRuns()
  }

  onReceived(bytes: number): void {
    const { totals, clock, downloadLimit } = this.#options
    totals.fromWebSeed(bytes, clock.now())
    downloadLimit.take(bytes)
    if (!this.#paused && !downloadLimit.open) this.tick()
  }

  onOver(): void {
    this.startRuns()
  }

  /** To be called every 250 ms. */
  tick(): void {
    const pause = !this.#options.downloadLimit.open
    if (pause) this.#options.downloadLimit.whenOpen(this.#onOpen)
    if (pause !== this.#paused) {
      this.#paused = pause
      for (const { active } of this.#sources) {
        for (const run of active) {
          if (pause) run.pause()
          else run.resume()
        }
      }
    }
    this.startRuns()
  }

  /** Ends all runs; what they brought stays. */
  endRuns(): void {
    for (const { active } of this.#sources) for (const run of [...active]) run.end()
  }

  /** Ends all runs, and starts none again. */
  close(): void {
    this.#closing = true
    this.#options.downloadLimit.forget(this.#onOpen)
    this.endRuns()
  }

  /** One more while a run is about to end: else the line would be idle until the next one's first answer. */
  #mostRuns({ webSeed, active }: Source): number {
    const { limit } = webSeed.concurrency
    // Several may end at a time, but one more answer keeps the line busy. A server we know nothing of may send too much.
    if (limit === 1 || active.size > limit || !webSeed.proven) return limit
    if (webSeed.concurrency.isCrowded(this.#options.clock.now())) return limit
    for (const { run, session } of active) {
      if (this.#options.table.layout.pieceOffset(run.end) - session.position <= NEARLY_DONE) return limit + 1
    }
    return limit
  }

  #startRun(source: Source): boolean {
    const picked = this.#choice.pick(source)
    if (picked !== undefined) this.#begin(source, picked)
    return picked !== undefined
  }

  /** A source goes on with the run that another source, or another of its connections, would be far longer at. */
  #takeOver(source: Source, others: readonly Source[]): boolean {
    const slow = this.#choice.takeOver(source, others)
    const first = slow?.transfer.open
    if (slow === undefined || first === undefined) return false
    const { run, session } = slow
    const { log, clock, picker } = this.#options
    log.log("debug", "web seed", `${slow.source.webSeed.name} is slow: ${source.webSeed.name} goes on with its run`)
    // A bad connection says little about the next one: longer patience keeps this from going on for ever.
    const own = slow.source === source
    if (!own) slow.source.webSeed.runTaken(session.rate(clock.now()))
    slow.handOver()
    let end = run.next
    while (end < run.end && source.webSeed.hasPiece(end)) end++
    picker.runs.cut(run, end)
    this.#begin(source, { run, first, position: firstLacking(first) }, own ? slow.renewals + 1 : 0)
    return true
  }

  #begin(source: Source, start: Start, renewals = 0): void {
    new ActiveRun({ source, start, renewals, parts: this.#options, host: this }).start()
  }

  /** When a reader waits for a piece, and the source is busy with what nobody waits for, one of its runs ends early. */
  #makeWay({ webSeed, active }: Source): void {
    const { table, picker } = this.#options
    if (!table.memoryLeft || webSeed.state.kind !== "ready" || active.size === 0) return
    if (picker.firstAwaited((piece) => webSeed.hasPiece(piece)) === undefined) return
    let longest: Run | undefined
    for (const { run } of active) {
      // It is about to end anyway.
      if (run.remaining === 0) return
      if (!table.isAwaited(run.next) && run.remaining > (longest?.remaining ?? 0)) longest = run
    }
    if (longest !== undefined) picker.runs.cut(longest, longest.next)
  }
}
