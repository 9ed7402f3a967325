import {
  type AddressClass,
  classifyAddress,
  classifyHost,
  connectedAs,
  mayConnect,
  mayRedirect,
} from "../../../src/bytes/address-policy.js"
import type { Family } from "../../../src/bytes/ip.js"
import type { Clock, Timer } from "../../../src/ports/clock.js"
import {
  type Http,
  HttpError,
  type HttpExchange,
  type HttpHead,
  type HttpListener,
  type HttpRequest,
} from "../../../src/ports/http.js"
import type { ByteStream, Endpoint } from "../../../src/ports/net.js"
import { addressFamily } from "./addresses.js"
import { encodeFrame, FrameReader } from "./http-frames.js"
import type { VirtualNet } from "./virtual-tcp.js"

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/**
 * HTTP of one process. It speaks no real HTTP: heads are JSON and bodies are framed, over a virtual TCP connection, so
 * that latency, back-pressure, resets and cut-off hosts come from there.
 */
export class VirtualHttp implements Http {
  readonly #idle = new Map<string, HttpConnection[]>()
  readonly #net: VirtualNet
  readonly #clock: Clock
  readonly #hasBadCertificate: (endpoint: Endpoint) => boolean

  constructor(net: VirtualNet, clock: Clock, hasBadCertificate: (endpoint: Endpoint) => boolean) {
    this.#net = net
    this.#clock = clock
    this.#hasBadCertificate = hasBadCertificate
  }

  get(request: HttpRequest, listener: HttpListener): HttpExchange {
    return new Exchange(this, this.#clock, request, listener).start()
  }

  close(): Promise<void> {
    for (const connections of this.#idle.values()) for (const connection of connections) connection.destroy()
    this.#idle.clear()
    return new Promise((resolve) => {
      this.#clock.after(0, resolve)
    })
  }

  /** @throws HttpError */
  async connect(url: URL, host: AddressClass, family: Family | undefined): Promise<HttpConnection> {
    const hostname = url.hostname.replace(/^\[|\]$/g, "")
    const found = await this.#net.resolve(hostname).catch((error: unknown) => {
      throw new HttpError("network", `${hostname} has no address`, error)
    })
    const ofFamily = family === undefined ? found : found.filter((one) => addressFamily(one) === family)
    if (ofFamily.length === 0) throw new HttpError("network", `${hostname} has no IPv${family} address`)
    const address = ofFamily.find((one) => mayConnect(host, classifyAddress(one)))
    if (address === undefined) throw new HttpError("unsafe-address", `${hostname} leads to ${found.join(", ")}`)
    const remote = { host: address, port: Number(url.port) || (url.protocol === "https:" ? 443 : 80) }
    const key = keyOf(url, family)
    const kept = this.#idle.get(key)?.pop()
    if (kept !== undefined) return kept
    if (url.protocol === "https:" && this.#hasBadCertificate(remote)) {
      throw new HttpError("tls", `${hostname} has a certificate that can't be trusted`)
    }
    const connection: HttpConnection = new HttpConnection(this.#net, remote, () => {
      const idle = this.#idle.get(key) ?? []
      if (idle.includes(connection)) idle.splice(idle.indexOf(connection), 1)
    })
    return connection
  }

  keep(url: URL, family: Family | undefined, connection: HttpConnection): void {
    const key = keyOf(url, family)
    this.#idle.set(key, [...(this.#idle.get(key) ?? []), connection])
  }
}

function keyOf({ origin }: URL, family: Family | undefined): string {
  return `${family ?? ""} ${origin}`
}

/** What an exchange hears from the connection it has. */
interface ConnectionUser {
  /** The answer to the one before is whole. */
  onTurn(): "go on" | "wait"
  onFrame(kind: "request" | "head" | "end", payload: unknown): "go on" | "wait"
  onBody(bytes: Uint8Array): "go on" | "wait"
  onBytes(): void
  onClose(error: Error | undefined): void
}

class HttpConnection {
  readonly #stream: ByteStream
  readonly #reader: FrameReader
  user: ConnectionUser | undefined
  /** Those whose requests were sent behind the user's. */
  #behind: ConnectionUser[] = []
  /** It has brought a whole answer. */
  #proven = false

  constructor(net: VirtualNet, remote: Endpoint, onGone: () => void) {
    this.#reader = new FrameReader({
      onFrame: (kind, payload) => this.user?.onFrame(kind, payload) ?? "go on",
      onBody: (bytes) => this.user?.onBody(bytes) ?? "go on",
    })
    this.#stream = net.connect(remote, {
      onOpen: () => this.user?.onBytes(),
      onData: (chunk) => {
        this.user?.onBytes()
        this.#reader.push(chunk)
      },
      onDrain: () => {},
      onClose: (error) => {
        onGone()
        this.user?.onClose(error)
        this.#failBehind()
      },
    })
  }

  get family(): Family | undefined {
    return addressFamily(this.#stream.remote.host)
  }

  request(request: object): void {
    this.#stream.write(encodeFrame("request", request))
  }

  /** False unless `last` is the last whose request was sent, on a connection that is kept. */
  queue(user: ConnectionUser, last: ConnectionUser, request: object): boolean {
    if (!this.#proven || (this.#behind.at(-1) ?? this.user) !== last) return false
    this.#behind.push(user)
    this.request(request)
    return true
  }

  /** The user's answer is whole. Undefined when nobody's is next. */
  next(): ConnectionUser | undefined {
    this.#proven = true
    this.user = this.#behind.shift()
    return this.user
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#reader.resume()
    this.#stream.resume()
  }

  destroy(): void {
    this.user = undefined
    this.#stream.destroy()
    this.#failBehind()
  }

  #failBehind(): void {
    for (const user of this.#behind.splice(0)) user.onClose(undefined)
  }
}

class Exchange implements HttpExchange, ConnectionUser {
  readonly #http: VirtualHttp
  readonly #clock: Clock
  readonly #request: HttpRequest
  readonly #listener: HttpListener
  #url: URL | undefined
  #host: AddressClass | undefined
  /** The user named the origin that is asked. */
  #namedByUser: boolean
  #redirects = 0
  #connection: HttpConnection | undefined
  #timer: Timer | undefined
  #paused = false
  #headSeen = false
  /** Behind another whose answer is not whole yet. */
  #waiting = false
  #over = false
  /** Body bytes still to come, when their number was announced. */
  #left: number | undefined

  constructor(http: VirtualHttp, clock: Clock, request: HttpRequest, listener: HttpListener) {
    this.#http = http
    this.#clock = clock
    this.#request = request
    this.#namedByUser = request.namedByUser === true
    this.#listener = listener
  }

  start(): this {
    this.#clock.after(0, () => this.#go(this.#request.url))
    return this
  }

  follow(request: HttpRequest, listener: HttpListener): HttpExchange | undefined {
    const url = this.#url
    if (this.#over || this.#redirects > 0 || url === undefined || new URL(request.url).origin !== url.origin)
      return undefined
    const next = new Exchange(this.#http, this.#clock, request, listener)
    if (next.#namedByUser !== this.#namedByUser) return undefined
    return next.#startBehind(this) ? next : undefined
  }

  #startBehind(before: Exchange): boolean {
    const connection = before.#connection
    this.#url = new URL(this.#request.url)
    this.#host = before.#host
    this.#connection = connection
    this.#waiting = true
    return connection?.queue(this, before, this.#asSent(this.#url)) ?? false
  }

  pause(): void {
    this.#paused = true
    this.#timer?.cancel()
    if (this.#headSeen) this.#connection?.pause()
  }

  resume(): void {
    if (!this.#paused || this.#over) return
    this.#paused = false
    this.onBytes()
    this.#clock.after(0, () => {
      if (!this.#paused) this.#connection?.resume()
    })
  }

  abort(): void {
    this.#over = true
    this.#timer?.cancel()
    // A request that was sent can't be taken back: the connection ends when its turn comes.
    if (this.#waiting) return
    this.#connection?.destroy()
    this.#connection = undefined
  }

  onTurn(): "go on" | "wait" {
    if (this.#over) this.#connection?.destroy()
    this.#waiting = false
    this.onBytes()
    return this.#paused ? "wait" : "go on"
  }

  /** Something came: the idle time begins anew. */
  onBytes(): void {
    this.#timer?.cancel()
    if (this.#paused || this.#over || this.#waiting) return
    const { idleTimeout, headTimeout = idleTimeout } = this.#request
    const timeout = this.#headSeen ? idleTimeout : headTimeout
    this.#timer = this.#clock.after(timeout, () => {
      this.#fail(new HttpError("timeout", `nothing from ${this.#url?.host} for ${timeout} ms`))
    })
  }

  onFrame(kind: "request" | "head" | "end", payload: unknown): "go on" | "wait" {
    if (kind === "end") return this.#end()
    this.#head(payload as HttpHead)
    return this.#paused ? "wait" : "go on"
  }

  onBody(bytes: Uint8Array): "go on" | "wait" {
    // What comes beyond the announced length is no part of the body.
    const wanted = bytes.subarray(0, this.#left)
    if (this.#left !== undefined) this.#left -= wanted.length
    if (wanted.length > 0) this.#listener.onData(wanted)
    if (wanted.length < bytes.length && !this.#over) {
      const listener = this.#listener
      this.abort()
      listener.onEnd()
    }
    return this.#paused ? "wait" : "go on"
  }

  onClose(error: Error | undefined): void {
    this.#connection = undefined
    this.#fail(new HttpError("network", error?.message ?? "the connection closed before the answer's end", error))
  }

  #go(address: string): void {
    if (this.#over) return
    this.onBytes()
    if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
      const failure = this.#redirects === 0 ? "malformed" : "redirect"
      this.#fail(new HttpError(failure, `not a web address: ${address}`))
      return
    }
    const url = new URL(address)
    const host = classifyHost(url.hostname)
    if (host === "forbidden" || (this.#host !== undefined && !mayRedirect(this.#host, host))) {
      this.#fail(new HttpError("unsafe-address", `${url.hostname} is no address for data`))
      return
    }
    if (this.#url?.protocol === "https:" && url.protocol === "http:") {
      this.#fail(new HttpError("redirect", `${this.#url.host} leads from https to http`))
      return
    }
    if (this.#url !== undefined && this.#url.origin !== url.origin) this.#namedByUser = false
    this.#url = url
    this.#host = host
    this.#http.connect(url, connectedAs(host, this.#namedByUser), this.#request.family).then(
      (connection) => this.#ask(url, connection),
      (error: HttpError) => this.#fail(error),
    )
  }

  #ask(url: URL, connection: HttpConnection): void {
    if (this.#over) {
      connection.destroy()
      return
    }
    this.#connection = connection
    connection.user = this
    connection.request(this.#asSent(url))
  }

  #asSent(url: URL): object {
    const headers = { host: url.host, "user-agent": "simulator", "accept-encoding": "identity" }
    return { url: url.href, headers: { ...headers, ...this.#request.headers } }
  }

  #head({ status, headers: asSent }: HttpHead): void {
    const headers = Object.fromEntries(Object.entries(asSent).map(([name, value]) => [name.toLowerCase(), value]))
    const { location, "content-length": length } = headers
    if (REDIRECTS.has(status)) {
      this.#connection?.destroy()
      this.#connection = undefined
      const to =
        location !== undefined && URL.canParse(location, this.#url!.href) ? new URL(location, this.#url) : undefined
      if (++this.#redirects > MAX_REDIRECTS) this.#fail(new HttpError("redirect", "too many redirects"))
      else if (to === undefined) this.#fail(new HttpError("redirect", `${this.#url!.host} redirects to nowhere`))
      else this.#go(to.href)
      return
    }
    this.#left = length === undefined ? undefined : Number(length)
    this.#headSeen = true
    this.onBytes()
    const family = this.#connection?.family
    const head = { status, headers }
    this.#listener.onHead(family === undefined ? head : { ...head, family })
    if (this.#paused) this.#connection?.pause()
  }

  #end(): "go on" | "wait" {
    const connection = this.#connection!
    const next = connection.next()
    this.#over = true
    this.#timer?.cancel()
    this.#connection = undefined
    if (next === undefined) this.#http.keep(this.#url!, this.#request.family, connection)
    this.#listener.onEnd()
    return next?.onTurn() ?? "go on"
  }

  #fail(error: HttpError): void {
    if (this.#over) return
    this.abort()
    this.#clock.after(0, () => this.#listener.onError(error))
  }
}
