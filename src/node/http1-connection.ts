import type { LookupFunction, Socket, TcpNetConnectOpts } from "node:net"
import { HttpError, type HttpExchange } from "../ports/http.js"
import { errnoOf } from "./errno.js"
import { toHttpError } from "./http-error.js"
import type { TransportListener } from "./http-transport.js"
import { AnswerReader } from "./http1-answer.js"
import type { WebRoute } from "./web-detour.js"

/** Milliseconds until the host's next address is tried too (RFC 8305 says 250, which slow links need for themselves). */
export const NEXT_ADDRESS_AFTER = 1_000
/** Milliseconds an idle connection is kept. */
export const KEEP_IDLE = 30_000
/** How it shows that the server closed a connection, perhaps before it saw the request. */
const CLOSED = new Set(["", "ECONNRESET", "EPIPE"])

/** Straight to the host. */
export interface DirectRoute {
  readonly hostname: string
  readonly port: number
  readonly lookup: LookupFunction
  /** May be shared: whoever listens has done with the bytes when the call returns. */
  readonly receiveBuffer: Uint8Array
}

export interface Http1ConnectionOptions {
  /** As messages name it. */
  readonly host: string
  readonly route: DirectRoute | WebRoute
  /** It can take a request again. */
  readonly onIdle: (connection: Http1Connection) => void
  readonly onClose: (connection: Http1Connection) => void
}

/** One TCP connection that carries one request after the other. */
export class Http1Connection {
  readonly #options: Http1ConnectionOptions
  readonly #socket: Socket
  #request: Request | undefined
  /** True once it has brought a whole answer. */
  #proven = false
  #failure: Error | undefined
  /** What waits for the way through a proxy to be open; undefined once it is. */
  #unsent: string | undefined

  constructor(options: Http1ConnectionOptions) {
    this.#options = options
    const { route } = options
    this.#socket = "open" in route ? this.#goThrough(route) : this.#goTo(route)
    this.#socket.on("end", () => this.#onEnd())
    this.#socket.on("timeout", () => this.#socket.destroy())
    this.#socket.on("error", (error) => {
      this.#failure = error
    })
    this.#socket.on("close", () => this.#onClose())
  }

  #goTo({ hostname, port, lookup, receiveBuffer }: DirectRoute): Socket {
    const connect: TcpNetConnectOpts = {
      host: hostname,
      port,
      lookup,
      noDelay: true,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
      onread: {
        buffer: receiveBuffer,
        callback: (length) => {
          this.#onBytes(receiveBuffer.subarray(0, length))
          return true
        },
      },
    }
    // Loaded when first needed: it takes milliseconds that a short command feels.
    return process.getBuiltinModule("node:net").connect(connect)
  }

  #goThrough(route: WebRoute): Socket {
    this.#unsent = ""
    const socket = route.open((rest) => {
      const head = this.#unsent ?? ""
      this.#unsent = undefined
      socket.on("data", (chunk) => this.#onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)))
      if (head !== "") socket.write(head, "latin1")
      if (rest.length > 0) this.#onBytes(rest)
    })
    return socket
  }

  /** False when the connection is known to be lost, though it may not have said so yet. */
  get usable(): boolean {
    return this.#socket.writable && this.#socket.readable
  }

  /** Sends a request, whose head is given, while no other is under way. */
  send(head: string, listener: TransportListener): HttpExchange {
    if (this.#proven) this.#socket.setTimeout(0).ref()
    const request = new Request(listener)
    this.#request = request
    if (this.#unsent === undefined) this.#socket.write(head, "latin1")
    else this.#unsent = head
    return {
      pause: () => {
        request.wanted = false
        if (request !== this.#request) return
        request.reader.pause()
        this.#socket.pause()
      },
      resume: () => {
        request.wanted = true
        // Nothing is heard from inside the call.
        if (request.reader.paused) process.nextTick(() => this.#resume(request))
      },
      abort: () => {
        request.reader.abandon()
        if (request !== this.#request) return
        this.#request = undefined
        this.#socket.destroy()
      },
    }
  }

  /** Closes it; a request under way fails with `error`. */
  close(error: HttpError): void {
    this.#socket.destroy(error)
  }

  #resume(request: Request): void {
    if (!request.wanted || request !== this.#request) return
    request.reader.resume()
    this.#settle(request)
    if (request.wanted && request === this.#request) this.#socket.resume()
  }

  #onBytes(bytes: Uint8Array): void {
    const request = this.#request
    if (request === undefined) {
      // Nobody asked for anything.
      this.#socket.destroy()
      return
    }
    request.reader.read(bytes)
    this.#settle(request)
  }

  #onEnd(): void {
    const request = this.#request
    if (request === undefined) return
    request.reader.end()
    this.#settle(request)
  }

  #onClose(): void {
    this.#options.onClose(this)
    const request = this.#request
    // What is held may still be the whole answer.
    if (request !== undefined && !request.reader.connectionEnded) this.#lose(request)
  }

  /** Does what the state of the answer asks for. */
  #settle(request: Request): void {
    const { state } = request.reader
    switch (state.kind) {
      case "complete":
        this.#request = undefined
        // First, so that whoever hears of the end can use it at once.
        if (state.keepsConnection && this.usable) this.#rest()
        else this.#socket.destroy()
        request.listener.onEnd()
        return
      case "cut":
        this.#lose(request)
        return
      case "malformed":
        this.#request = undefined
        this.#socket.destroy()
        request.listener.onError(toHttpError(state.reason, this.#options.host))
        return
      case "open":
      case "abandoned":
    }
  }

  #rest(): void {
    this.#proven = true
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#socket.setTimeout(KEEP_IDLE).unref()
    this.#options.onIdle(this)
  }

  /** The connection was lost with the answer incomplete. */
  #lose(request: Request): void {
    this.#request = undefined
    this.#socket.destroy()
    const { reader, listener } = request
    const failure = this.#failure
    const { host } = this.#options
    if (failure instanceof HttpError) listener.onError(failure)
    else if (reader.started) listener.onError(new HttpError("network", `${host} cut its answer short`, failure))
    else if (this.#proven && CLOSED.has(errnoOf(failure))) listener.onStale()
    else if (failure !== undefined) listener.onError(toHttpError(failure, host))
    else listener.onError(new HttpError("network", `${host} closed the connection without an answer`))
  }
}

class Request {
  readonly listener: TransportListener
  readonly reader: AnswerReader
  /** False between pause and resume; the reader starts again a little later than that. */
  wanted = true

  constructor(listener: TransportListener) {
    this.listener = listener
    this.reader = new AnswerReader(listener)
  }
}
