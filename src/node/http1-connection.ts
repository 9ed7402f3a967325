import type { Socket } from "node:net"
import type { Family } from "../bytes/ip.js"
import { HttpError } from "../ports/http.js"
import { errnoOf } from "./errno.js"
import { isTlsFault, toHttpError } from "./http-error.js"
import type { TransportListener } from "./http-transport.js"
import { AnswerReader } from "./http1-answer.js"
import type { LineListener } from "./http1-line.js"

/** Milliseconds an idle connection is kept. */
const KEEP_IDLE = 30_000
/** Requests that wait for their answers at a time: what a break costs is bounded. */
const MOST_REQUESTS = 32
/** How it shows that the server closed a connection, perhaps before it saw the request. */
const CLOSED = new Set(["", "ECONNRESET", "EPIPE"])
/** As sockets name them. */
const FAMILIES: Readonly<Record<string, Family>> = { IPv4: 4, IPv6: 6 }

export interface Http1ConnectionOptions {
  /** As messages name it. */
  readonly host: string
  /** Opens the line. */
  readonly open: (listener: LineListener) => void
  /** It can take a request again. */
  readonly onIdle: (connection: Http1Connection) => void
  readonly onClose: (connection: Http1Connection) => void
}

/** A request on its connection. */
export interface Carried {
  /** Whether the connection had brought an answer before. */
  readonly reused: boolean
  /** Of the other end's address; undefined before it is connected. */
  readonly family: Family | undefined
  pause(): void
  resume(): void
  /** `error` is what its connection ends with. */
  abort(error?: HttpError): void
  /** Sends another one behind it; undefined unless it is the last and the connection is known to be kept. */
  follow(head: string, listener: TransportListener): Carried | undefined
}

/** One connection that carries one request after the other, or several whose answers follow each other. */
export class Http1Connection {
  readonly #options: Http1ConnectionOptions
  #socket!: Socket
  /** Those whose answers are to come, in their order: the first is being answered. */
  readonly #requests: Request[] = []
  /** True once it has brought a whole answer. */
  #proven = false
  #failure: Error | undefined
  /** The first of the requests was lost, and those behind it with it. */
  #broken = false
  /** Heads of this turn, which go out together; before the way through a proxy is open, all. */
  #unsent = ""
  /** False until the line is. */
  #open = false

  constructor(options: Http1ConnectionOptions) {
    this.#options = options
    options.open({
      onSocket: (socket) => this.#watch(socket),
      onOpen: () => {
        this.#open = true
        this.#flush()
      },
      onBytes: (bytes) => this.#onBytes(bytes),
    })
  }

  #watch(socket: Socket): void {
    this.#socket = socket
    if (this.#requests[0]?.wanted === false) socket.pause()
    const on = (event: string, then: (error?: Error) => void): void => {
      socket.on(event, (error?: Error) => {
        // What TLS took over is its own affair.
        if (socket === this.#socket) then(error)
      })
    }
    on("end", () => this.#onEnd())
    on("timeout", () => socket.destroy())
    on("error", (error) => {
      this.#failure = error
      // TLS says what is wrong with a record, and leaves it at that.
      socket.destroy()
    })
    on("close", () => this.#onClose())
  }

  /** False when the connection is known to be lost, though it may not have said so yet. */
  get usable(): boolean {
    return this.#socket.writable && this.#socket.readable
  }

  /** Sends a request, whose head is given, while no other is under way. */
  send(head: string, listener: TransportListener): Carried {
    if (this.#proven) this.#socket.setTimeout(0).ref()
    return this.#send(head, new Request(listener))
  }

  #send(head: string, request: Request): Carried {
    this.#requests.push(request)
    if (this.#unsent === "" && this.#open) process.nextTick(() => this.#flush())
    this.#unsent += head
    const family = (): Family | undefined => FAMILIES[this.#socket.remoteFamily ?? ""]
    return {
      reused: this.#proven,
      get family() {
        return family()
      },
      pause: () => {
        request.wanted = false
        if (request !== this.#requests[0]) return
        request.reader.pause()
        this.#socket.pause()
      },
      resume: () => {
        request.wanted = true
        // Nothing is heard from inside the call.
        if (request.reader.paused) process.nextTick(() => this.#resume(request))
      },
      abort: (error) => {
        request.reader.abandon()
        if (request === this.#requests[0]) this.#break(error)
      },
      follow: (nextHead, listener) => {
        const isLast = request === this.#requests.at(-1) && this.#requests.length < MOST_REQUESTS
        if (!isLast || !this.#proven || !this.usable) return undefined
        return this.#send(nextHead, new Request(listener))
      },
    }
  }

  #flush(): void {
    const heads = this.#unsent
    this.#unsent = ""
    if (heads === "") return
    for (const request of this.#requests) request.sent = true
    this.#socket.write(heads, "latin1")
  }

  /** Closes it; a request under way fails with `error`. */
  close(error: HttpError): void {
    this.#socket.destroy(error)
  }

  #resume(request: Request): void {
    if (!request.wanted || request !== this.#requests[0]) return
    request.reader.resume()
    this.#settle(request)
    if (request.wanted && request === this.#requests[0]) this.#socket.resume()
  }

  #onBytes(bytes: Uint8Array): void {
    const request = this.#requests[0]
    if (request === undefined) {
      // Nobody asked for anything.
      this.#socket.destroy()
      return
    }
    request.reader.read(bytes)
    this.#settle(request)
  }

  #onEnd(): void {
    const request = this.#requests[0]
    if (request === undefined) return
    request.reader.end()
    this.#settle(request)
  }

  #onClose(): void {
    this.#options.onClose(this)
    const first = this.#requests[0]
    // What is held may still be the whole answer.
    const held = first?.reader.connectionEnded === true && !this.#broken ? 1 : 0
    const lost = this.#requests.splice(held)
    if (held === 0 && !this.#broken) {
      const request = lost.shift()
      if (request !== undefined) this.#lose(request)
    }
    const { host } = this.#options
    for (const { reader, listener } of lost) {
      if (reader.state.kind === "abandoned") continue
      listener.onError(new HttpError("network", `${host} closed the connection before this request's turn`))
    }
  }

  /** Does what the state of the answer asks for. */
  #settle(request: Request): void {
    const { state } = request.reader
    switch (state.kind) {
      case "complete":
        this.#complete(request, state)
        return
      case "cut":
        this.#break()
        this.#lose(request)
        return
      case "malformed":
        this.#break()
        request.listener.onError(toHttpError(state.reason, this.#options.host))
        return
      case "open":
      case "abandoned":
    }
  }

  #complete(request: Request, { keepsConnection, rest }: { keepsConnection: boolean; rest: Uint8Array }): void {
    this.#requests.shift()
    const next = this.#requests[0]
    // Nothing was asked for that bytes behind the last answer could belong to.
    const kept = keepsConnection && this.usable && (next !== undefined || rest.length === 0)
    if (!kept) this.#socket.destroy()
    // Before anybody hears of the end, so that it can be used at once.
    else if (next === undefined) this.#rest()
    request.listener.onEnd()
    if (kept && next !== undefined && next === this.#requests[0]) this.#turnTo(next, rest)
  }

  /** The next answer begins, with the bytes that came behind the one before. */
  #turnTo(request: Request, bytes: Uint8Array): void {
    if (request.reader.state.kind === "abandoned") {
      // Nobody wants to wait for the end of it.
      this.#break()
      return
    }
    request.listener.onTurn()
    if (request !== this.#requests[0]) return
    if (!request.wanted) {
      request.reader.pause()
      this.#socket.pause()
    } else if (this.#socket.isPaused()) {
      this.#socket.resume()
    }
    if (bytes.length === 0) return
    if (!request.sent) {
      // Or a server could have us ask and be answered for ever within one turn.
      this.#break()
      request.listener.onError(new HttpError("malformed", `${this.#options.host} answered before it was asked`))
      return
    }
    request.reader.read(bytes)
    this.#settle(request)
  }

  /** The first request is over and its answer is not: nothing behind it can be told apart from it. */
  #break(error?: HttpError): void {
    this.#requests.shift()
    this.#broken = true
    this.#socket.destroy(error)
  }

  #rest(): void {
    this.#proven = true
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#socket.setTimeout(KEEP_IDLE).unref()
    this.#options.onIdle(this)
  }

  /** The connection was lost with the answer incomplete. */
  #lose(request: Request): void {
    const { reader, listener } = request
    const failure = this.#failure
    const { host } = this.#options
    if (failure instanceof HttpError) listener.onError(failure)
    else if (reader.started) listener.onError(new HttpError("network", `${host} cut its answer short`, failure))
    // Whom the certificate speaks for is known by then: a record that breaks is a connection that does. Should the host mean
    // it, it says so again on a new one.
    else if (this.#proven && (CLOSED.has(errnoOf(failure)) || isTlsFault(failure))) listener.onStale()
    else if (failure !== undefined) listener.onError(toHttpError(failure, host))
    else listener.onError(new HttpError("network", `${host} closed the connection without an answer`))
  }
}

class Request {
  readonly listener: TransportListener
  readonly reader: AnswerReader
  sent = false
  /** False between pause and resume; the reader starts again a little later than that. */
  wanted = true

  constructor(listener: TransportListener) {
    this.listener = listener
    this.reader = new AnswerReader(listener)
  }
}
