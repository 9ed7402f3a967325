import type { LayoutFile } from "../metainfo/layout.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { Http, HttpError, HttpExchange, HttpHead, HttpListener, HttpRequest } from "../ports/http.js"
import { IDLE_TIMEOUT } from "./head-patience.js"
import { judgeAnswer } from "./judge-answer.js"
import { endOf, type RequestEnd } from "./request-end.js"
import { differ, type Validators } from "./validators.js"
import type { WebSeed } from "./web-seed.js"

/** Bytes of an answer nobody needs any more that are cheaper to read than a new connection. */
const LONGEST_DRAIN = 256 * 1024
/** Milliseconds for that. */
const DRAIN_TIMEOUT = 2_000

export interface RequestListener {
  /** The next bytes of the range, in order. */
  onBytes(chunk: Uint8Array): void
  /** The end, exactly once. */
  onRequestEnd(request: FileRequest, end: RequestEnd): void
}

export interface FileRequestOptions {
  readonly seed: WebSeed
  readonly http: Http
  readonly clock: Clock
  /** Index of the file in the layout, and the file. */
  readonly index: number
  readonly file: LayoutFile
  /** The range of the file's bytes: `from` up to, not including, `to`. */
  readonly from: number
  readonly to: number
  /** Bytes that may be read and thrown away when the server sends the whole file. */
  readonly mayDiscard: number
  /** What an earlier request of the same run learnt about the file. */
  readonly validators: Validators | undefined
  readonly listener: RequestListener
}

/** One ranged GET of one file: judges the answer, cuts it to what was asked for, and leaves the connection usable. */
export class FileRequest implements HttpListener {
  readonly index: number
  /** Sent behind another, before that one's answer was there. */
  ahead = false
  readonly #seed: WebSeed
  readonly #http: Http
  readonly #clock: Clock
  readonly #file: LayoutFile
  readonly #from: number
  /** Where the range ended when it was sent. */
  readonly #askedTo: number
  /** Where it ends now: earlier, once it was shortened. */
  #to: number
  readonly #mayDiscard: number
  readonly #listener: RequestListener
  #validators: Validators | undefined
  /** Milliseconds that are waited for its head, when that began, and what the seed had brought by then. */
  readonly #patience: number
  #sentAt = 0
  #broughtBefore = 0
  #state: "asking" | "body" | "draining" | "over" = "asking"
  #exchange: HttpExchange | undefined
  #paused = false
  /** True when the body is the whole file. */
  #wholeFile = false
  /** Where the body ends in the file, as far as the server says. */
  #bodyEnd: number | undefined
  /** Bytes of the body still to be thrown away before the range begins. */
  #skip = 0
  #received = 0
  #toDrain = 0
  #excess = false
  #drainTimer: Timer | undefined

  constructor(options: FileRequestOptions) {
    this.index = options.index
    this.#seed = options.seed
    this.#http = options.http
    this.#clock = options.clock
    this.#file = options.file
    this.#from = options.from
    this.#askedTo = options.to
    this.#to = options.to
    this.#mayDiscard = options.mayDiscard
    this.#validators = options.validators
    this.#listener = options.listener
    this.#patience = options.seed.headPatience.milliseconds
  }

  /** Bytes that it asks for. */
  get length(): number {
    return this.#to - this.#from
  }

  /** Bytes given to the listener. */
  get received(): number {
    return this.#received
  }

  /** Its answer has not begun. */
  get isUnanswered(): boolean {
    return this.#state === "asking"
  }

  /** What the last answer said about the file. */
  get validators(): Validators | undefined {
    return this.#validators
  }

  start(): void {
    this.#sentAt = this.#clock.now()
    this.#broughtBefore = this.#seed.downloaded
    this.#exchange = this.#http.get(this.#get(), this)
  }

  /** Sends it right behind `before`, nothing of it being heard before that one's end. False when that can't be. */
  startBehind(before: FileRequest): boolean {
    this.#exchange = before.#exchange?.follow(this.#get(), this)
    this.ahead = this.#exchange !== undefined
    return this.ahead
  }

  #get(): HttpRequest {
    return {
      // The file's own URL each time, never where it redirected to last: a redirect's target must pass the port's checks.
      url: this.#seed.urlOf(this.index),
      headers: { range: `bytes=${this.#from}-${this.#askedTo - 1}`, "accept-encoding": "identity" },
      idleTimeout: IDLE_TIMEOUT,
      headTimeout: this.#patience,
      namedByUser: this.#seed.namedByUser,
    }
  }

  pause(): void {
    if (this.#paused || this.#state === "draining" || this.#state === "over") return
    this.#paused = true
    this.#exchange?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#state !== "over") this.#exchange?.resume()
  }

  /** The range ends earlier now. Bytes beyond `to` are not given any more; {@link settle} ends the request if that was all. */
  shorten(to: number): void {
    this.#to = Math.max(Math.min(this.#to, to), this.#from + this.#received)
  }

  /** Ends the request if its (shortened) range is complete. */
  settle(): void {
    if (this.#from + this.#received < this.#to) return
    if (this.#state === "body") this.#complete(0)
    else if (this.#state === "asking") this.#finish(this.#whole())
  }

  /** The listener hears nothing more. */
  abort(): void {
    this.#state = "over"
    this.#drainTimer?.cancel()
    this.#exchange?.abort()
  }

  onHead(head: HttpHead): void {
    if (this.#state !== "asking") return
    // Since when one that was sent ahead is waited for isn't known.
    if (!this.ahead) this.#seed.headPatience.wasEnough(this.#clock.now() - this.#sentAt)
    const asked = { name: this.#file.path, fileLength: this.#file.length, from: this.#from, to: this.#askedTo }
    const verdict = judgeAnswer(asked, head, this.#clock.wallTime())
    if (verdict.kind !== "body") {
      this.#finish(verdict)
      return
    }
    const part = this.#from > 0 || this.#askedTo < this.#file.length
    if (part || head.status === 206) this.#seed.rangesLearnt(!verdict.ignoredRange)
    this.#skip = this.#from - verdict.start
    const { etag, "last-modified": lastModified } = head.headers
    const validators = { etag, lastModified }
    const changed = this.#validators !== undefined && differ(this.#validators, validators)
    this.#validators = validators
    this.#wholeFile = head.status === 200
    this.#bodyEnd = verdict.end
    this.#excess = !this.#wholeFile && verdict.end !== undefined && verdict.end > this.#askedTo
    this.#state = "body"
    if (this.#skip > this.#mayDiscard) this.#finish({ kind: "no-ranges" })
    else if (changed && this.#seed.contentChanged(this.index)) this.#finish({ kind: "content-changed" })
  }

  onData(chunk: Uint8Array): void {
    if (this.#state === "draining") this.#drain(chunk.length)
    if (this.#state !== "body") return
    const skipped = Math.min(this.#skip, chunk.length)
    this.#skip -= skipped
    const taken = Math.min(chunk.length - skipped, this.#to - this.#from - this.#received)
    if (taken > 0) {
      this.#received += taken
      this.#listener.onBytes(taken === chunk.length ? chunk : chunk.subarray(skipped, skipped + taken))
    }
    if (this.#from + this.#received >= this.#to) this.#complete(chunk.length - skipped - taken)
  }

  onEnd(): void {
    this.#finish(this.#endOfBody())
  }

  onError(error: HttpError): void {
    // While others bring something, it is them that this one had to wait for.
    const wasAlone = this.#seed.downloaded === this.#broughtBefore
    if (this.#state === "asking" && error.failure === "timeout" && wasAlone)
      this.#seed.headPatience.ranOut(this.#patience)
    this.#finish(this.#state === "draining" ? this.#whole() : endOf(error))
  }

  /** What it means that the body ended now. */
  #endOfBody(): RequestEnd {
    if (this.#state === "draining") return this.#whole()
    if (this.#state === "asking") return { kind: "wrong-answer", reason: "its answer has no head" }
    if (this.#wholeFile) {
      const there = this.#from - this.#skip + this.#received
      return this.#otherFile(`${there} bytes instead of`)
    }
    if (this.#received === 0) return { kind: "wrong-answer", reason: "it sent an empty part" }
    return { kind: "cut", reason: "its answer ended early" }
  }

  /** The range is complete. `extra`: bytes of the body beyond it that are in hand already. */
  #complete(extra: number): void {
    if (this.#state !== "body") return
    this.#state = "draining"
    const end = this.#bodyEnd ?? (this.#to === this.#file.length ? this.#to : undefined)
    this.#toDrain = end === undefined ? Number.POSITIVE_INFINITY : Math.max(0, end - this.#to + this.#skip)
    if (this.#toDrain - extra > LONGEST_DRAIN) {
      this.#finish(this.#whole())
      return
    }
    this.#drainTimer = this.#clock.after(DRAIN_TIMEOUT, () => this.#finish(this.#whole()))
    // The listener's pause was about its bytes, and there are none any more.
    this.resume()
    this.#drain(extra)
  }

  #drain(bytes: number): void {
    this.#toDrain -= bytes
    if (this.#toDrain >= 0) return
    if (this.#bodyEnd === undefined) {
      this.#finish(this.#otherFile("more than"))
      return
    }
    this.#excess = true
    this.#finish(this.#whole())
  }

  /** The body was whole, and not of the file's length. */
  #otherFile(length: string): RequestEnd {
    return { kind: "file-missing", reason: `its file has ${length} ${this.#file.length} bytes`, status: 200 }
  }

  #whole(): RequestEnd {
    return { kind: "whole", excess: this.#excess }
  }

  #finish(end: RequestEnd): void {
    if (this.#state === "over") return
    this.abort()
    this.#listener.onRequestEnd(this, end)
  }
}
