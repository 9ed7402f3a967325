import type { Clock, Timer } from "../../src/ports/clock.js"
import {
  type Http,
  HttpError,
  type HttpExchange,
  type HttpFailure,
  type HttpListener,
  type HttpRequest,
} from "../../src/ports/http.js"

/** What a scripted server does with one request. */
export interface Answer {
  /** Absent: no head comes at all. */
  status?: number
  headers?: Record<string, string>
  /** Milliseconds before the head: 1 when absent. */
  delay?: number
  body?: Uint8Array
  /** Bytes of each part that the body comes in; one part when absent. Called for each part. */
  chunk?: () => number
  /** After the body: its end (the default), a failure, or nothing. */
  ending?: "end" | "nothing" | HttpFailure
}

export interface SeenRequest {
  readonly url: string
  /** The file's bytes asked for: `from` up to, not including, `to`. */
  readonly from: number
  readonly to: number
  readonly headers: Readonly<Record<string, string>>
  readonly at: number
  /** How it ended for the server. */
  end: "open" | "answered" | "failed" | "aborted"
}

/** HTTP without a network: each request gets the answer that a function gives, part by part, by the clock. */
export class ScriptedHttp implements Http {
  readonly seen: SeenRequest[] = []
  /** Whether requests may be sent behind others. */
  takesFollowers = false
  readonly #clock: Clock
  readonly #answer: (request: SeenRequest, count: number) => Answer

  /** `count` is 0 for the first request. */
  constructor(clock: Clock, answer: (request: SeenRequest, count: number) => Answer) {
    this.#clock = clock
    this.#answer = answer
  }

  /** The ranges asked for, as `path from-to`. */
  get ranges(): string[] {
    return this.seen.map(({ url, from, to }) => `${new URL(url).pathname} ${from}-${to}`)
  }

  get(request: HttpRequest, listener: HttpListener): HttpExchange {
    const exchange = this.#take(request, listener)
    exchange.takeTurn()
    return exchange
  }

  #take(request: HttpRequest, listener: HttpListener): ScriptedExchange {
    const headers = request.headers ?? {}
    const { range: written = "" } = headers
    const range = /^bytes=(\d+)-(\d+)$/.exec(written)
    if (range === null) throw new Error(`not a range of bytes: ${written}`)
    const seen: SeenRequest = {
      url: request.url,
      from: Number(range[1]),
      to: Number(range[2]) + 1,
      headers,
      at: this.#clock.now(),
      end: "open",
    }
    const answer = this.#answer(seen, this.seen.length)
    this.seen.push(seen)
    return new ScriptedExchange(this.#clock, request, seen, answer, listener, (...next) =>
      this.takesFollowers ? this.#take(...next) : undefined,
    )
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class ScriptedExchange implements HttpExchange {
  readonly #clock: Clock
  readonly #request: HttpRequest
  readonly #seen: SeenRequest
  readonly #answer: Answer
  readonly #listener: HttpListener
  readonly #takeNext: (request: HttpRequest, listener: HttpListener) => ScriptedExchange | undefined
  #behind: ScriptedExchange | undefined
  #waiting = true
  #paused = false
  #headSent = false
  #sent = 0
  #next: Timer | undefined

  constructor(
    clock: Clock,
    request: HttpRequest,
    seen: SeenRequest,
    answer: Answer,
    listener: HttpListener,
    takeNext: ScriptedExchange["follow"],
  ) {
    this.#clock = clock
    this.#request = request
    this.#seen = seen
    this.#answer = answer
    this.#listener = listener
    this.#takeNext = takeNext
  }

  takeTurn(): void {
    this.#waiting = false
    if (!this.#paused) this.#scheduleHead()
  }

  follow(request: HttpRequest, listener: HttpListener): ScriptedExchange | undefined {
    if (this.#seen.end !== "open") return undefined
    this.#behind = this.#takeNext(request, listener)
    return this.#behind
  }

  pause(): void {
    this.#paused = true
    this.#next?.cancel()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#schedule(1)
  }

  abort(): void {
    if (this.#seen.end !== "open") return
    this.#seen.end = "aborted"
    this.#next?.cancel()
    const behind = this.#behind
    if (behind !== undefined) this.#clock.after(1, () => behind.lose())
  }

  /** The one before it has no end. */
  lose(): void {
    if (this.#seen.end !== "open") return
    this.#seen.end = "failed"
    this.#listener.onError(new HttpError("network", "lost before its turn"))
    this.#behind?.lose()
  }

  get #timeout(): number {
    const { idleTimeout, headTimeout = idleTimeout } = this.#request
    return this.#headSent ? idleTimeout : headTimeout
  }

  #scheduleHead(): void {
    const { delay = 1 } = this.#answer
    if (delay < this.#timeout) this.#schedule(delay)
    else this.#next = this.#clock.after(this.#timeout, () => this.#fail("timeout"))
  }

  #schedule(delay: number): void {
    this.#next?.cancel()
    if (!this.#waiting && this.#seen.end === "open") this.#next = this.#clock.after(delay, () => this.#step())
  }

  #step(): void {
    const { status, headers = {}, body = new Uint8Array(), chunk, ending = "end" } = this.#answer
    if (status !== undefined && !this.#headSent) {
      this.#headSent = true
      this.#listener.onHead({ status, headers })
    } else if (this.#sent < body.length) {
      const length = Math.min(chunk?.() ?? body.length, body.length - this.#sent)
      // A copy that is spoilt afterwards: nobody may keep it.
      const part = body.slice(this.#sent, this.#sent + length)
      this.#sent += length
      this.#listener.onData(part)
      part.fill(0xee)
    } else if (ending === "end") {
      this.#seen.end = "answered"
      this.#listener.onEnd()
      this.#behind?.takeTurn()
      return
    } else if (ending === "nothing") {
      this.#next = this.#clock.after(this.#timeout, () => this.#fail("timeout"))
      return
    } else {
      this.#fail(ending)
      return
    }
    if (!this.#paused) this.#schedule(this.#sent < body.length ? 1 : 0)
  }

  #fail(failure: HttpFailure): void {
    this.#seen.end = "failed"
    this.#listener.onError(new HttpError(failure, `scripted ${failure}`))
    this.#behind?.lose()
  }
}
