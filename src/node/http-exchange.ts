import type { ClientRequest, IncomingMessage } from "node:http"
import { HttpError, type HttpExchange, type HttpListener, type HttpRequest } from "../ports/http.js"
import { type AddressClass, classifyHost, mayRedirect } from "./address-policy.js"
import { errnoOf } from "./errno.js"
import { toHttpError } from "./http-error.js"

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Never sent on to another origin. */
const SECRET_HEADERS = new Set(["authorization", "cookie", "proxy-authorization"])
/** A redirect's body is read for the sake of its connection, but no further than a new connection would cost. */
const DRAIN_BYTES = 64 * 1024
const DRAIN_MILLISECONDS = 2_000

type Headers = Readonly<Record<string, string>>

/** Sends a request to a URL whose host is of a class. Throws when the request can't be sent as it is. */
export type SendRequest = (url: URL, headers: Headers, host: AddressClass) => ClientRequest

/** One GET with its redirects, and the silent second try when a kept connection turns out to be dead. */
export class NodeExchange implements HttpExchange {
  readonly #send: SendRequest
  readonly #idleTimeout: number
  /** Absent once it is over. */
  #listener: HttpListener | undefined
  #headers: Headers
  #redirects = 0
  #request: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #timer: NodeJS.Timeout | undefined
  #paused = false

  constructor(request: HttpRequest, listener: HttpListener, send: SendRequest) {
    this.#send = send
    this.#idleTimeout = request.idleTimeout
    this.#listener = listener
    this.#headers = request.headers ?? {}
    this.#startTimer()
    const url = URL.canParse(request.url) ? new URL(request.url) : undefined
    const error =
      url !== undefined && isHttp(url)
        ? this.#go(url)
        : new HttpError("malformed", `not the address of a web page: ${request.url}`)
    // Nothing is heard from inside the call.
    if (error !== undefined) setImmediate(() => this.#fail(error))
  }

  pause(): void {
    this.#paused = true
    clearTimeout(this.#timer)
    this.#response?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#listener !== undefined) this.#startTimer()
    this.#response?.resume()
  }

  abort(): void {
    this.#end()
    this.#request?.destroy()
  }

  /** Sends the request to `url`; what keeps it from being sent is returned. */
  #go(url: URL): HttpError | undefined {
    const host = classifyHost(url.hostname)
    if (host === "forbidden") return new HttpError("unsafe-address", `${url.hostname} is no address for data`)
    let request: ClientRequest
    try {
      request = this.#send(url, this.#headers, host)
    } catch (error) {
      return error instanceof HttpError ? error : new HttpError("malformed", "the request can't be sent", error)
    }
    this.#request = request
    request.on("response", (response) => {
      if (request === this.#request && this.#listener !== undefined) this.#onResponse(response, url, host)
    })
    request.on("error", (error) => {
      if (request === this.#request && this.#listener !== undefined) this.#onError(error, request, url)
    })
    // Node has ways to close a connection that are not errors to it, such as an answer in another protocol.
    request.on("close", () => {
      if (request !== this.#request || this.#response !== undefined) return
      this.#fail(new HttpError("network", `${url.host} closed the connection without an answer`))
    })
    return undefined
  }

  #onError(error: Error, request: ClientRequest, url: URL): void {
    // The server closed a kept connection while the request was on its way, so it can't have answered it. A GET may be
    // sent again; each try uses up a kept connection, and a new one is no longer excused.
    const code = errnoOf(error)
    if (this.#response === undefined && request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE")) {
      const failure = this.#go(url)
      if (failure !== undefined) this.#fail(failure)
    } else {
      this.#fail(toHttpError(error, url.host))
    }
  }

  #onResponse(response: IncomingMessage, url: URL, host: AddressClass): void {
    const status = response.statusCode ?? 0
    if (REDIRECTS.has(status)) {
      const failure = this.#redirect(response, url, host)
      if (failure !== undefined) this.#fail(failure)
      return
    }
    this.#response = response
    this.#touch()
    response.on("data", (chunk: Buffer) => {
      this.#touch()
      // A Buffer's `slice` is a view where a Uint8Array's is a copy: nobody above this room should meet one.
      this.#listener?.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
    const cutShort = (): void => this.#fail(new HttpError("network", `${url.host} cut its answer short`))
    response.on("error", cutShort)
    response.on("end", () => {
      if (!response.complete) return cutShort()
      const listener = this.#listener
      this.#end()
      listener?.onEnd()
    })
    if (this.#paused) response.pause()
    this.#listener?.onHead({ status, headers: joinHeaders(response.rawHeaders), url: withoutSecrets(url) })
  }

  #redirect(response: IncomingMessage, from: URL, host: AddressClass): HttpError | undefined {
    const location = response.headers.location
    if (location === undefined || !URL.canParse(location, from.href)) {
      return new HttpError("redirect", `${from.host} redirects to nowhere`)
    }
    const to = new URL(location, from)
    if (++this.#redirects > MAX_REDIRECTS) {
      return new HttpError("redirect", `${from.host} redirects more than ${MAX_REDIRECTS} times`)
    }
    if (!isHttp(to)) return new HttpError("redirect", `${from.host} redirects to something that is no web page`)
    if (from.protocol === "https:" && to.protocol === "http:") {
      return new HttpError("redirect", `${from.host} redirects from https to http, which is not safe`)
    }
    if (!mayRedirect(host, classifyHost(to.hostname))) {
      return new HttpError("unsafe-address", `${from.host} redirects into a private network`)
    }
    const sameOrigin = to.origin === from.origin
    to.username = sameOrigin ? from.username : ""
    to.password = sameOrigin ? from.password : ""
    if (!sameOrigin) {
      this.#headers = Object.fromEntries(Object.entries(this.#headers).filter(([name]) => !SECRET_HEADERS.has(name)))
    }
    drain(response)
    this.#touch()
    return this.#go(to)
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      const seconds = Math.round(this.#idleTimeout / 100) / 10
      this.#fail(new HttpError("timeout", `nothing came for ${seconds} s`))
    }, this.#idleTimeout)
  }

  #touch(): void {
    if (!this.#paused) this.#timer?.refresh()
  }

  #fail(error: HttpError): void {
    const listener = this.#listener
    this.#end()
    this.#request?.destroy()
    listener?.onError(error)
  }

  #end(): void {
    this.#listener = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:"
}

/** Lower-case names; repeated ones joined. Without a prototype, since the names are a stranger's. */
function joinHeaders(raw: readonly string[]): Headers {
  const headers: Record<string, string> = Object.create(null)
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    const before = headers[name]
    headers[name] = before === undefined ? raw[i + 1]! : `${before}, ${raw[i + 1]}`
  }
  return headers
}

function withoutSecrets(url: URL): string {
  const clean = new URL(url)
  clean.username = ""
  clean.password = ""
  return clean.href
}

/** Reads the rest of a small body away, so that its connection can be kept; closes the connection on a larger one. */
function drain(response: IncomingMessage): void {
  const deadline = setTimeout(() => response.destroy(), DRAIN_MILLISECONDS).unref()
  let bytes = 0
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength
    if (bytes > DRAIN_BYTES) response.destroy()
  })
  response.on("error", () => {})
  response.on("close", () => clearTimeout(deadline))
}
