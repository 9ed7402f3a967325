import { RateMeter } from "../bytes/rate-meter.js"
import { redactUrl } from "../bytes/url.js"
import type { Metainfo } from "../metainfo/metainfo.js"
import type { Clock } from "../ports/clock.js"
import type { Log } from "../ports/log.js"
import type { Random } from "../ports/random.js"
import { AheadTrust } from "./ahead-trust.js"
import { Concurrency, expectedRequest } from "./concurrency.js"
import { HeadPatience } from "./head-patience.js"
import type { FileRefused, Refusal } from "./judge-answer.js"
import { RangeSupport } from "./range-support.js"
import { RequestGap } from "./request-gap.js"
import { RunLength } from "./run-length.js"
import { SeedContent } from "./seed-content.js"
import { SeedHealth, type WebSeedState } from "./seed-health.js"
import { ServerFaults } from "./server-faults.js"
import { type UrlLayout, urlLayout } from "./url-layout.js"

/** Bytes: a run of so many says how fast runs are. */
const TELLING = 64 * 1024

export interface WebSeedOptions {
  readonly url: string
  /** Its name may lead to a private address. Default: false. */
  readonly namedByUser?: boolean
  readonly metainfo: Metainfo
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * One URL of a torrent's `url-list` (BEP 19): which pieces it has, whether it may be asked now, and for how much at a
 * time. Sessions report what they meet; all consequences are drawn here.
 */
export class WebSeed {
  readonly url: string
  readonly namedByUser: boolean
  readonly metainfo: Metainfo
  readonly concurrency: Concurrency
  readonly runLength = new RunLength()
  readonly headPatience = new HeadPatience()
  /** Obeyed by who sends requests. */
  readonly requestGap = new RequestGap()
  readonly #clock: Clock
  readonly #log: Log
  readonly #health: SeedHealth
  readonly #layout: UrlLayout
  readonly #meter = new RateMeter()
  #pace: number | undefined
  readonly #content: SeedContent
  readonly #ranges: RangeSupport
  #unranged = false
  readonly #aheadTrust = new AheadTrust()
  readonly #serverFaults: ServerFaults

  constructor(options: WebSeedOptions) {
    this.url = options.url
    this.namedByUser = options.namedByUser ?? false
    this.metainfo = options.metainfo
    this.#clock = options.clock
    this.#log = options.log
    this.#health = new SeedHealth(this.name, options.clock, options.random, options.log)
    this.#layout = urlLayout(options.url, options.metainfo)
    if (this.#layout.kind === "unusable") this.#health.disable(this.#layout.reason)
    const { metainfo, log } = options
    const lengths = metainfo.layout.files.flatMap(({ length, padding }) => (padding || length === 0 ? [] : [length]))
    this.#ranges = new RangeSupport(metainfo.layout)
    const shown = (file: number): string => this.#shown(file)
    this.#content = new SeedContent({ metainfo, fileCount: lengths.length, health: this.#health, log, shown })
    this.concurrency = new Concurrency(expectedRequest(lengths))
    const { concurrency, runLength, requestGap, name } = this
    const { clock } = options
    this.#serverFaults = new ServerFaults({
      health: this.#health,
      concurrency,
      runLength,
      requestGap,
      clock,
      log,
      name,
    })
  }

  get state(): WebSeedState {
    return this.#health.state
  }

  /** False when a run under way must not send its next request: disabled, or the server wants to be left alone. */
  get mayRequest(): boolean {
    return this.#health.mayRequest
  }

  /** {@link state}; but waiting also when it can be asked, if not for some files that it has just refused. */
  get stateWithRefused(): WebSeedState {
    const { state } = this
    return state.kind === "ready" ? (this.#content.refusal ?? state) : state
  }

  /** False when a file that the piece lies in is not there, or was refused a moment ago. O(1). */
  hasPiece(piece: number): boolean {
    return this.#content.hasPiece(piece)
  }

  /** True when a file that the piece lies in is not there: it need not be waited for. O(1). */
  lacksPiece(piece: number): boolean {
    return this.#content.lacksPiece(piece)
  }

  hasFile(file: number): boolean {
    return this.#content.hasFile(file)
  }

  /** False when the server answers with whole files only; undefined until it has been asked for a part. */
  get rangesSupported(): boolean | undefined {
    return this.#ranges.isThere
  }

  /**
   * False where the server would send much of a file before the byte at `offset` (it knows no ranges). A run may start
   * there all the same: everything before it is then read and thrown away, which is right when nobody else has the piece.
   */
  canStartAt(offset: number): boolean {
    return this.#ranges.canStartAt(offset)
  }

  /** Bytes of the torrent received from here. */
  get downloaded(): number {
    return this.#meter.total
  }

  /** Bytes a second. */
  rate(now: number): number {
    return this.#meter.rate(now)
  }

  /** Bytes a second that the last run brought, whenever that was; 0 after a fault, undefined as long as none says anything. */
  get pace(): number | undefined {
    return this.#pace
  }

  /** A run of `bytes` came to its end without fault in `duration` ms. */
  runPassed(bytes: number, duration: number): void {
    this.runLength.passed(bytes, duration)
    // A shorter one was cut off by others, and mostly waited for its answer.
    if (bytes >= TELLING) this.#pace = (bytes * 1000) / Math.max(duration, 1)
  }

  /** A run that brought `rate` bytes a second of late was given to somebody else. */
  runTaken(rate: number): void {
    this.#pace = rate
  }

  /** It sent wrong bytes of a piece. */
  pieceCorrupt(piece: number): void {
    this.runLength.faulted()
    this.#log.log("warn", "webseed", `${this.name} sent a wrong piece ${piece}`)
    this.#content.pieceCorrupt(piece, this.downloaded)
  }

  /** Which of its pieces had wrong hashes, in a sentence; undefined when none had. */
  get wrongPieces(): string | undefined {
    return this.#content.wrongPieces
  }

  /** The URL as people may see it. */
  get name(): string {
    return redactUrl(this.url)
  }

  /** Where a file lies. Only while the source is not disabled. */
  urlOf(file: number): string {
    if (this.#layout.kind === "unusable") throw new Error(`${this.name}: ${this.#layout.reason}`)
    return this.#layout.urlOf(file)
  }

  /** It has brought all that a request asked for. */
  get proven(): boolean {
    return this.#content.isProven
  }

  /** Whether requests may be sent before the answers to those before them are there: not to a server that drops them. */
  get takesRequestsAhead(): boolean {
    return this.proven && this.#aheadTrust.isGiven && this.requestGap.isFree
  }

  /** What became of a request sent behind another: whether it was answered, be it with a refusal. */
  requestAhead(answered: boolean): void {
    if (answered) this.#aheadTrust.came()
    else this.#aheadTrust.lost()
  }

  /** Bytes for a run arrived. */
  delivered(bytes: number): void {
    const now = this.#clock.now()
    this.#meter.add(bytes, now)
    this.concurrency.delivered(now, bytes)
  }

  /** A request brought all that was asked for. */
  requestSucceeded(file: number, bytes: number): void {
    this.#health.succeeded()
    this.requestGap.served()
    this.#content.fileGiven(file)
    this.#aheadTrust.served()
    this.concurrency.requestEnded(bytes)
  }

  /** A part of a file was asked for, and came, or the whole file came in its place. */
  rangesLearnt(supported: boolean): void {
    this.#ranges.learnt(supported)
    this.runLength.endless = this.#ranges.wastes
    this.concurrency.alone = this.#ranges.wastes
    if (supported || this.#unranged) return
    this.#unranged = true
    this.#log.log("info", "webseed", `${this.name} sends whole files where parts were asked for`)
  }

  /** Lets files that were refused be asked for again, those whose time has come. True when there were any. */
  releaseRefused(): boolean {
    return this.#content.releaseRefused(this.#clock.now())
  }

  /** A run was cut and its tries are used up, or it never connected. */
  connectionFailed(reason: string): void {
    this.runLength.faulted()
    this.#pace = 0
    if (this.#health.connectionFailed(reason)) this.concurrency.interrupted(this.#clock.now())
  }

  /**
   * The server answered, and its answer can't be used. `file` is what was asked for. True when the run may go on, at the pace
   * of {@link requestGap}.
   */
  refusedBy(refusal: Exclude<Refusal, FileRefused>, file: number): boolean {
    if (refusal.kind === "busy" && this.proven && this.#serverFaults.slowedDown(refusal)) return true
    this.#pace = 0
    switch (refusal.kind) {
      case "file-missing":
        this.#fileNotThere(file, refusal)
        break
      case "refused":
        this.#serverFaults.refused(refusal.reason, this.proven)
        break
      case "busy":
        this.#serverFaults.busy(refusal)
        break
      case "wrong-answer":
        if (this.#serverFaults.faulted(refusal.reason) && !this.proven) this.#health.strike(refusal.reason)
        break
    }
    return false
  }

  /**
   * The server refused the file. When it may be that it refuses all, it waits, and a file is returned that it has given before:
   * what becomes of a request for its first byte is to be told to {@link gaveAnother}.
   */
  fileRefused(refusal: FileRefused, file: number): number | undefined {
    const { reason, status } = refusal
    this.#pace = 0
    // Those that were on their way when the server was left alone say nothing new.
    if (!this.mayRequest || !this.#content.fileRefused(file, refusal, this.#clock.now())) return undefined
    const other = this.#content.givenBeside(file)
    if (other !== undefined) this.#health.serverBusy(reason, undefined)
    else if (status < 500) this.#serverFaults.refused(reason, this.proven)
    else this.#serverFaults.backOff(reason, undefined)
    return other
  }

  /** Whether the server gives what it gave before, having refused a file for `reason`: then it is asked for others at once. */
  gaveAnother(gives: boolean, reason: string): void {
    const now = this.#clock.now()
    if (gives) {
      this.#health.recovered(reason)
      this.#content.refusedAlone(now)
    } else {
      this.runLength.faulted()
      this.concurrency.refused(now)
    }
  }

  /** All that was asked for came, and more: it was cut off. */
  sentTooMuch(file: number): void {
    const reason = "it sent more than was asked for"
    this.#log.log("info", "webseed", `${this.#shown(file)}: ${reason}`)
    this.#health.strike(reason)
  }

  /**
   * The file's ETag or date is another one than a moment ago. True when that matters: when it happens again and again
   * it says nothing (mirrors behind one name), and the pieces' hashes must do.
   */
  contentChanged(file: number): boolean {
    return this.#content.changed(file)
  }

  #fileNotThere(file: number, { reason, status }: { reason: string; status: number }): void {
    const page = status === 200 && this.#ranges.wasThere
    // One of unknown length looked like a whole file at first, and says nothing of ranges.
    if (page) this.rangesLearnt(true)
    if (this.#content.isDoubtful(file, page)) this.#serverFaults.faulted(reason)
    else this.#content.fileMissing(file, reason)
  }

  #shown(file: number): string {
    return redactUrl(this.urlOf(file))
  }
}
