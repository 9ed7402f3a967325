import type { Clock, Timer } from "../ports/clock.js"
import type { Http } from "../ports/http.js"
import { askWhatIsRefused } from "./ask-what-is-refused.js"
import { FileRequest, type RequestListener } from "./file-request.js"
import { LONGEST_DISCARD } from "./range-support.js"
import type { RequestEnd } from "./request-end.js"
import { RequestsAhead } from "./requests-ahead.js"
import { Retries } from "./retries.js"
import type { RunListener, WebSeedFault } from "./run-listener.js"
import { RunPace } from "./run-pace.js"
import type { Validators } from "./validators.js"
import type { WebSeed } from "./web-seed.js"

export interface RangeSessionOptions {
  readonly seed: WebSeed
  readonly http: Http
  readonly clock: Clock
  /** The run: the torrent's bytes `offset` up to, not including, `end`. */
  readonly offset: number
  readonly end: number
  readonly listener: RunListener
}

/** What padding files consist of (BEP 47). */
const ZEROS = new Uint8Array(64 * 1024)

/**
 * One run under way: a contiguous span of the torrent's bytes, fetched by one ranged GET a file on what is mostly one
 * connection, one after the other; those for small files are sent ahead, where the server takes that. Padding files are
 * made of zeros here. A request that is cut is resumed where it was.
 */
export class RangeSession implements RequestListener {
  readonly #seed: WebSeed
  readonly #http: Http
  readonly #clock: Clock
  readonly #listener: RunListener
  readonly #offset: number
  #end: number
  #position: number
  #state: "idle" | "running" | "over" = "idle"
  #startedAt = 0
  readonly #pace = new RunPace()
  #paused = false
  /** Index of the file at `#position`; it only grows. */
  #file: number
  #request: FileRequest | undefined
  /** Sent behind it. */
  readonly #ahead: RequestsAhead
  /** What the last request learnt about the file at `#position`. */
  #validators: Validators | undefined
  readonly #retries = new Retries()
  #resumeTimer: Timer | undefined

  constructor(options: RangeSessionOptions) {
    this.#seed = options.seed
    this.#http = options.http
    this.#clock = options.clock
    this.#listener = options.listener
    this.#offset = options.offset
    this.#position = options.offset
    this.#end = options.end
    this.#file = options.seed.metainfo.layout.fileAt(options.offset)
    this.#ahead = new RequestsAhead(this.#seed, (index) => this.#requestFor(index, this.#fileOffset(index), false))
  }

  /** Offset in the torrent of the next byte: behind the chunk while a chunk is being given. */
  get position(): number {
    return this.#position
  }

  /** Bytes to come. */
  get bytesLeft(): number {
    return this.#end - this.#position
  }

  /** A request was sent whose answer has not begun. */
  get isUnanswered(): boolean {
    return this.#request?.isUnanswered === true
  }

  /** Milliseconds since it began, or since it was last held up: by {@link pause}, or by an answer that began late. */
  age(now: number): number {
    return this.#paused ? 0 : this.#pace.age(now)
  }

  /** Bytes a second of late. */
  rate(now: number): number {
    return this.#pace.rate(now)
  }

  /** Milliseconds that the rest will take at that rate: infinite when nothing comes. */
  timeLeft(now: number): number {
    return (this.bytesLeft * 1000) / this.rate(now)
  }

  start(): void {
    if (this.#state !== "idle") return
    this.#state = "running"
    this.#startedAt = this.#clock.now()
    this.#pace.restart(this.#startedAt)
    this.#seed.concurrency.runBegan()
    this.#advanceLater()
  }

  /** Neither bytes nor the end are given until {@link resume}. */
  pause(): void {
    this.#paused = true
    this.#request?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#pace.restart(this.#clock.now())
    this.#request?.resume()
    this.#advanceLater()
  }

  /** The run ends at `end` already, or at once if it is beyond. The connection is kept if little of the answer is left. */
  shorten(end: number): void {
    if (end >= this.#end || this.#state === "over") return
    this.#end = Math.max(end, this.#position)
    const request = this.#request
    request?.shorten(this.#end - this.#fileOffset(request.index))
    this.#ahead.shorten(this.#end)
    queueMicrotask(() => {
      request?.settle()
      this.#advance()
    })
  }

  /** Ends the run; the listener hears nothing more. */
  abort(): void {
    if (this.#state === "running") this.#seed.concurrency.runEnded()
    this.#state = "over"
    this.#resumeTimer?.cancel()
    this.#request?.abort()
    this.#request = undefined
    this.#ahead.drop()
  }

  onBytes(chunk: Uint8Array): void {
    // The wait for an answer says nothing of how fast it comes, where such waits are long.
    const now = this.#clock.now()
    if (!this.#seed.headPatience.isEasy && this.#request?.received === chunk.length) this.#pace.restart(now)
    this.#position += chunk.length
    this.#pace.add(chunk.length, now)
    this.#seed.delivered(chunk.length)
    this.#listener.onBytes(chunk)
  }

  onRequestEnd(request: FileRequest, end: RequestEnd): void {
    if (request.ahead) this.#seed.requestAhead(end.kind !== "cut" && end.kind !== "wrong-answer")
    if (request !== this.#request) {
      // Lost before its turn.
      this.#ahead.drop()
      return
    }
    this.#request = undefined
    if (end.kind !== "whole") this.#ahead.drop()
    this.#validators = request.validators
    switch (end.kind) {
      case "whole":
        if (end.excess) this.#seed.sentTooMuch(request.index)
        // One that was cut to nothing before its answer came says nothing.
        else if (request.received > 0) this.#seed.requestSucceeded(request.index, request.received)
        this.#retries.reset()
        this.#advance()
        break
      case "cut":
        this.#resumeAfterCut(end.reason, request.received)
        break
      case "content-changed":
        this.#fault("content-changed", "the file was replaced on the server")
        break
      case "no-ranges":
        this.#fault("no-ranges", "the server sends whole files alone")
        break
      case "busy":
        if (this.#seed.refusedBy(end, request.index)) this.#advance()
        else this.#fault("unavailable", end.reason)
        break
      case "file-refused":
        this.#request = askWhatIsRefused(
          { seed: this.#seed, http: this.#http, clock: this.#clock },
          end,
          request.index,
          () => this.#fault(end.kind, end.reason),
        )
        break
      case "file-missing":
      case "refused":
      case "wrong-answer":
        this.#seed.refusedBy(end, request.index)
        this.#fault(end.kind, end.reason)
        break
    }
  }

  #advanceLater(): void {
    queueMicrotask(() => this.#advance())
  }

  /** Does whatever comes next, if anything can be done now. */
  #advance(): void {
    const { files } = this.#seed.metainfo.layout
    while (this.#state === "running" && this.#request === undefined && this.#resumeTimer === undefined) {
      if (this.#paused) return
      if (this.#position >= this.#end) {
        this.#done()
        return
      }
      const file = files[this.#file]!
      const left = file.offset + file.length - this.#position
      if (left <= 0) {
        this.#file++
        this.#validators = undefined
        // Over the gap between files that start at pieces (BEP 52).
        this.#position = Math.min(Math.max(this.#position, files[this.#file]!.offset), this.#end)
      } else if (file.padding) {
        const length = Math.min(left, this.#end - this.#position, ZEROS.length)
        this.#position += length
        this.#listener.onBytes(ZEROS.subarray(0, length))
      } else {
        this.#request = this.#ahead.shift() ?? this.#ask()
        this.#request?.resume()
        if (this.#request !== undefined) this.#ahead.refill(this.#request, this.#end)
      }
    }
  }

  /** Sends the request for the rest of the run in the file at `#position`. */
  #ask(): FileRequest | undefined {
    const seed = this.#seed
    if (!seed.mayRequest) {
      const { state } = seed
      const reason = state.kind === "ready" ? "" : state.reason
      this.#fault(state.kind === "disabled" ? "refused" : "unavailable", reason)
      return undefined
    }
    if (!seed.hasFile(this.#file)) {
      this.#fault("file-missing", "the server does not give the file")
      return undefined
    }
    const now = this.#clock.now()
    const wait = seed.requestGap.wait(now)
    if (wait > 0) {
      this.#advanceAfter(wait)
      return undefined
    }
    seed.requestGap.sent(now)
    // Whoever starts a run deep inside a file, knowing that the server sends it whole, wants just that.
    const deliberate = seed.rangesSupported === false && this.#position === this.#offset
    const request = this.#requestFor(this.#file, this.#position, deliberate)
    request.start()
    return request
  }

  /** For the part of the run that lies in a file, from a place in the torrent on. */
  #requestFor(index: number, position: number, deliberate: boolean): FileRequest {
    const file = this.#seed.metainfo.layout.files[index]!
    return new FileRequest({
      seed: this.#seed,
      http: this.#http,
      clock: this.#clock,
      index,
      file,
      from: position - file.offset,
      to: Math.min(this.#end, file.offset + file.length) - file.offset,
      mayDiscard: deliberate ? file.length : LONGEST_DISCARD,
      validators: index === this.#file ? this.#validators : undefined,
      listener: this,
    })
  }

  #resumeAfterCut(reason: string, received: number): void {
    const delay = this.#retries.cut(received)
    const first = this.#position === this.#offset
    const far = this.#position - this.#fileOffset(this.#file) > LONGEST_DISCARD
    // A source that gave nothing yet is left to itself at once, and so is one that would begin the file anew.
    if (delay === undefined || first || (far && this.#seed.rangesSupported === false)) {
      this.#seed.connectionFailed(reason)
      this.#fault("interrupted", reason)
      return
    }
    this.#advanceAfter(delay)
  }

  #advanceAfter(delay: number): void {
    this.#resumeTimer = this.#clock.after(delay, () => {
      this.#resumeTimer = undefined
      this.#advance()
    })
  }

  #done(): void {
    this.abort()
    this.#seed.runPassed(this.#end - this.#offset, this.#clock.now() - this.#startedAt)
    this.#listener.onDone()
  }

  #fault(kind: WebSeedFault["kind"], message: string): void {
    this.abort()
    this.#listener.onFault({ kind, message })
  }

  #fileOffset(index: number): number {
    return this.#seed.metainfo.layout.files[index]!.offset
  }
}
