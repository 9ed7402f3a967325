import { type AddressClass, classifyHost, connectedAs, mayRedirect } from "../bytes/address-policy.js"
import type { Family } from "../bytes/ip.js"
import { decodePercents, parseUrl } from "../bytes/url.js"
import { HttpError, type HttpExchange, type HttpListener, type HttpRequest } from "../ports/http.js"
import type { Headers, Sent, Transport, TransportListener } from "./http-transport.js"
import { USER_AGENT } from "./version.js"

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const REQUEST_TIMEOUT = 408
/** Never sent on to another origin. */
const SECRET_HEADERS = new Set(["authorization", "cookie", "proxy-authorization"])
/** A redirect's body is read for the sake of its connection, but no further than a new connection would cost. */
const DRAIN_BYTES = 64 * 1024
const DRAIN_MILLISECONDS = 2_000

/** One GET with its redirects, its idle time-out, and the silent second try when a kept connection is dead. */
export class NodeExchange implements HttpExchange {
  readonly #transport: () => Transport
  readonly #idleTimeout: number
  /** Milliseconds without a byte before it fails now. */
  #timeout: number
  readonly #family: Family | undefined
  /** The user named the place that is asked. */
  #namedByUser: boolean
  /** Absent once it is over. */
  #listener: HttpListener | undefined
  #headers: Headers
  readonly #address: string
  readonly #url: URL | undefined
  #redirects = 0
  #sent: Sent | undefined
  #timer: NodeJS.Timeout | undefined
  #paused = false
  /** Behind another whose answer is not whole yet: nothing is timed. */
  #waiting = false
  /** Others were sent behind it. */
  #followed = false

  private constructor(request: HttpRequest, listener: HttpListener, transport: () => Transport) {
    this.#transport = transport
    this.#idleTimeout = request.idleTimeout
    this.#timeout = request.headTimeout ?? request.idleTimeout
    this.#family = request.family
    this.#namedByUser = request.namedByUser === true
    this.#listener = listener
    this.#headers = request.headers ?? {}
    this.#address = request.url
    this.#url = webUrl(request.url)
  }

  /** Sends a request; `transport` throws an HttpError when there is none. */
  static get(request: HttpRequest, listener: HttpListener, transport: () => Transport): NodeExchange {
    const exchange = new NodeExchange(request, listener, transport)
    exchange.#start()
    return exchange
  }

  #start(): void {
    this.#startTimer()
    const url = this.#url
    const error =
      url === undefined ? new HttpError("malformed", `not the address of a web page: ${this.#address}`) : this.#go(url)
    // Nothing is heard from inside the call.
    if (error !== undefined) setImmediate(() => this.#fail(error))
  }

  follow(request: HttpRequest, listener: HttpListener): HttpExchange | undefined {
    if (this.#listener === undefined || this.#redirects > 0 || this.#sent === undefined) return undefined
    const next = new NodeExchange(request, listener, this.#transport)
    if (next.#namedByUser !== this.#namedByUser) return undefined
    if (!next.#startBehind(this.#url, this.#sent)) return undefined
    this.#followed = true
    return next
  }

  #startBehind(before: URL | undefined, sent: Sent): boolean {
    const url = this.#url
    if (url === undefined || url.origin !== before?.origin) return false
    this.#sent = sent.follow(url, headersFor(url, this.#headers), this.#hear(url, classifyHost(url.hostname)))
    this.#waiting = true
    return this.#sent !== undefined
  }

  pause(): void {
    this.#paused = true
    clearTimeout(this.#timer)
    this.#sent?.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#listener !== undefined && !this.#waiting) this.#startTimer()
    this.#sent?.resume()
  }

  abort(): void {
    this.#end()
    this.#sent?.abort()
  }

  /** Sends the request to `url`; what keeps it from being sent is returned. */
  #go(url: URL): HttpError | undefined {
    const host = classifyHost(url.hostname)
    if (host === "forbidden") return new HttpError("unsafe-address", `${url.hostname} is no address for data`)
    try {
      const headers = headersFor(url, this.#headers)
      const as = connectedAs(host, this.#namedByUser)
      this.#sent = this.#transport().send(url, headers, as, this.#hear(url, host), this.#family)
    } catch (error) {
      if (error instanceof HttpError) return error
      throw error
    }
    if (this.#paused) this.#sent.pause()
    return undefined
  }

  /** Hears the answer of `url`. */
  #hear(url: URL, host: AddressClass): TransportListener {
    let drain: Drain | undefined
    return {
      onTurn: () => this.#takeTurn(),
      onHead: (status, headers) => {
        this.#touch()
        if (status === REQUEST_TIMEOUT && this.#sent?.reused) {
          // Said of a connection that rested too long, while the request was on its way (RFC 9110, 15.5.9).
          this.#sent.abort()
          this.#failIf(this.#go(url))
        } else if (REDIRECTS.has(status)) {
          // Answers to those behind it would come while it is elsewhere.
          if (this.#followed) this.#sent?.abort()
          else drain = new Drain(this.#sent!)
          this.#failIf(this.#redirect(headers, url, host))
        } else {
          this.#headCame()
          const family = this.#sent?.family
          const head = { status, headers }
          this.#listener?.onHead(family === undefined ? head : { ...head, family })
        }
      },
      onData: (chunk) => {
        if (drain !== undefined) return drain.onData(chunk)
        this.#touch()
        this.#listener?.onData(chunk)
      },
      onEnd: () => (drain === undefined ? this.#end()?.onEnd() : drain.end()),
      // Each try uses up a kept connection, and a new one is not excused.
      onStale: () => {
        this.#takeTurn()
        this.#failIf(this.#go(url))
      },
      onError: (error) => (drain === undefined ? this.#fail(error) : drain.end()),
    }
  }

  /** Goes where an answer of `from` leads; what forbids that is returned. */
  #redirect({ location }: Headers, from: URL, host: AddressClass): HttpError | undefined {
    // Characters are bytes here. Servers that write names as they are mean UTF-8 by them, so each stays the byte it is.
    const written = location?.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`)
    if (written === undefined || !URL.canParse(written, from.href)) {
      return new HttpError("redirect", `${from.host} redirects to nowhere`)
    }
    const to = new URL(written, from)
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
      this.#namedByUser &&= isSecureTwin(from, to)
      this.#headers = Object.fromEntries(Object.entries(this.#headers).filter(([name]) => !SECRET_HEADERS.has(name)))
    }
    return this.#go(to)
  }

  #takeTurn(): void {
    if (!this.#waiting) return
    this.#waiting = false
    if (!this.#paused) this.#startTimer()
  }

  #headCame(): void {
    if (this.#timeout === this.#idleTimeout) return
    this.#timeout = this.#idleTimeout
    clearTimeout(this.#timer)
    if (!this.#paused) this.#startTimer()
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      const seconds = Math.round(this.#timeout / 100) / 10
      this.#fail(new HttpError("timeout", `nothing came for ${seconds} s`))
    }, this.#timeout)
  }

  #touch(): void {
    if (!this.#paused) this.#timer?.refresh()
  }

  #failIf(error: HttpError | undefined): void {
    if (error !== undefined) this.#fail(error)
  }

  #fail(error: HttpError): void {
    const listener = this.#end()
    this.#sent?.abort(error)
    listener?.onError(error)
  }

  #end(): HttpListener | undefined {
    const listener = this.#listener
    this.#listener = undefined
    clearTimeout(this.#timer)
    this.#timer = undefined
    return listener
  }
}

/** Reads the rest of a small body away, so that its connection can be kept; closes the connection on a larger one. */
class Drain {
  readonly #sent: Sent
  readonly #deadline: NodeJS.Timeout
  #bytes = 0

  constructor(sent: Sent) {
    this.#sent = sent
    this.#deadline = setTimeout(() => sent.abort(), DRAIN_MILLISECONDS).unref()
  }

  onData(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#bytes <= DRAIN_BYTES) return
    this.#sent.abort()
    this.end()
  }

  end(): void {
    clearTimeout(this.#deadline)
  }
}

/** Parsed once: asking first whether it can be is as much work again, for every small file. */
function webUrl(text: string): URL | undefined {
  const url = parseUrl(text)
  return url !== undefined && isHttp(url) ? url : undefined
}

function isHttp(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:"
}

/** The same place by https, at the ports that both have by default: whoever names one means the other, too. */
function isSecureTwin(from: URL, to: URL): boolean {
  // A port that is the protocol's own is never written.
  const atHome = from.port === "" && to.port === ""
  return from.protocol === "http:" && to.protocol === "https:" && from.hostname === to.hostname && atHome
}

/** What is sent when the request does not say otherwise, and what it says. */
function headersFor(url: URL, own: Headers): Headers {
  const headers = { "user-agent": USER_AGENT, "accept-encoding": "identity", ...own }
  if (url.username === "" && url.password === "") return headers
  const credentials = `${decodePercents(url.username)}:${decodePercents(url.password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}`, ...headers }
}
