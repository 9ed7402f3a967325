import type { Clock } from "../../../src/ports/clock.js"
import type { ByteStream, Endpoint, StreamListener } from "../../../src/ports/net.js"
import { addressFamily } from "./addresses.js"
import { encodeFrame, FrameReader } from "./http-frames.js"
import { ProcessClock } from "./virtual-clock.js"
import type { HostProfile, VirtualHost, VirtualNetwork } from "./virtual-network.js"
import { VirtualNet } from "./virtual-tcp.js"

/** What a handler is asked. */
export interface WebRequest {
  readonly url: string
  /** Decoded, beginning with `/`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly from: Endpoint
  /** Virtual milliseconds at which it came. */
  readonly at: number
}

/** What a handler answers. Numbers of bytes are of the body. */
export interface WebAnswer {
  readonly status: number
  /** Lower-case names. `content-length` is added for a body of known length unless it is given, right or wrong (too much: it closes). */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | Iterable<Uint8Array>
  /** Milliseconds before the head. */
  readonly delay?: number
  /** A function is asked again for every 16 KiB. */
  readonly bytesPerSecond?: number | (() => number)
  /** After so many bytes the connection closes. */
  readonly cutAfter?: number
  /** After so many bytes nothing more comes. */
  readonly stallAfter?: number
}

/** `reset`: the connection breaks without an answer; `silence`: there is never one. */
export type WebHandler = (request: WebRequest) => WebAnswer | "reset" | "silence"

/** A web server of a scenario. */
export interface WebOrigin {
  readonly host: VirtualHost
  /** All requests so far. */
  readonly requests: readonly WebRequest[]
  /** Connections accepted so far: fewer than requests when they are kept alive. */
  readonly connections: number
}

export interface OriginOptions extends Partial<HostProfile> {
  /** Where it is; a fresh public address if not given. */
  readonly address?: string
  readonly certificate?: "good" | "bad"
}

/** What a client learns when it meets the server: the TLS handshake's outcome, in place of one. */
export const badCertificates = new WeakMap<VirtualHost, Set<number>>()

const PIECE = 16_384

/** All web servers, by origin (`http://name:port`). */
export class VirtualWeb {
  readonly #network: VirtualNetwork
  readonly #servers = new Map<string, Map<string, Server>>()
  #origins = 0

  constructor(network: VirtualNetwork) {
    this.#network = network
  }

  /** Puts a server at an origin; its name resolves from now on. A second call replaces the handler. */
  serve(origin: string, handler: WebHandler, options: OriginOptions = {}): WebOrigin {
    const url = new URL(origin)
    const { address, certificate, ...profile } = options
    const hostname = url.hostname.replace(/^\[|\]$/g, "")
    const isName = addressFamily(hostname) === undefined
    const known = isName ? this.#network.addressesOf(hostname)[0] : hostname
    // TEST-NET-3 and TEST-NET-2 (RFC 5737): public as far as the rules for safe addresses go.
    const at = address ?? known ?? `198.51.100.${++this.#origins}`
    const host = this.#network.host(at, profile)
    if (isName && known === undefined) this.#network.name(hostname, [at])
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80)
    if (certificate === "bad") badCertificates.set(host, (badCertificates.get(host) ?? new Set<number>()).add(port))
    return this.#open(host, port).add(url.origin, handler)
  }

  #open(host: VirtualHost, port: number) {
    const key = `${host.addresses[0]}|${port}`
    let servers = this.#servers.get(key)
    if (servers === undefined) {
      const opened = new Map<string, Server>()
      const clock = new ProcessClock(this.#network.clock)
      new VirtualNet(this.#network, host, clock).open({ port }, (stream) => new ServerConnection(opened, stream, clock))
      this.#servers.set(key, opened)
      servers = opened
    }
    const byOrigin = servers
    return {
      add: (origin: string, handler: WebHandler): Server => {
        const server = byOrigin.get(origin) ?? new Server(host)
        server.handler = handler
        byOrigin.set(origin, server)
        return server
      },
    }
  }
}

class Server implements WebOrigin {
  readonly host: VirtualHost
  readonly requests: WebRequest[] = []
  connections = 0
  handler: WebHandler = () => ({ status: 404 })

  constructor(host: VirtualHost) {
    this.host = host
  }
}

/** One connection as the server sees it: a request, its answer, the next request. */
class ServerConnection implements StreamListener {
  readonly #servers: ReadonlyMap<string, Server>
  readonly #stream: ByteStream
  readonly #clock: Clock
  readonly #reader: FrameReader
  #isFirst = true
  #closed = false
  #sendMore: (() => void) | undefined

  constructor(servers: ReadonlyMap<string, Server>, stream: ByteStream, clock: Clock) {
    this.#servers = servers
    this.#stream = stream
    this.#clock = clock
    this.#reader = new FrameReader({
      onFrame: (_kind, payload) => {
        this.#answer(payload as { url: string; headers: Record<string, string> })
        return "wait"
      },
      onBody: () => "go on",
    })
  }

  onOpen(): void {}

  onData(chunk: Uint8Array): void {
    this.#reader.push(chunk)
  }

  onDrain(): void {
    this.#sendMore?.()
  }

  onClose(): void {
    this.#closed = true
  }

  #answer({ url, headers }: { url: string; headers: Record<string, string> }): void {
    const { origin, pathname, searchParams } = new URL(url)
    const server = this.#servers.get(origin)
    const path = decodeURIComponent(pathname)
    const request = { url, path, query: searchParams, headers, from: this.#stream.remote, at: this.#clock.now() }
    if (server !== undefined && this.#isFirst) server.connections++
    this.#isFirst = false
    server?.requests.push(request)
    const answer = server?.handler(request) ?? { status: 421 }
    if (answer === "reset") this.#stream.destroy()
    else if (answer !== "silence") this.#clock.after(answer.delay ?? 0, () => this.#send(answer))
  }

  #send(answer: WebAnswer): void {
    const { status, body } = answer
    const length = body instanceof Uint8Array ? { "content-length": String(body.length) } : {}
    const headers = body === undefined ? { "content-length": "0", ...answer.headers } : { ...length, ...answer.headers }
    this.#stream.write(encodeFrame("head", { status, headers }))
    const pieces = piecesOf(body instanceof Uint8Array ? [body] : (body ?? []))
    let sent = 0
    const next = (): void => {
      this.#sendMore = undefined
      if (this.#closed) return
      const stop = Math.min(answer.cutAfter ?? Number.POSITIVE_INFINITY, answer.stallAfter ?? Number.POSITIVE_INFINITY)
      if (sent >= stop) {
        if (answer.cutAfter === stop) this.#closeWhenSent()
        return
      }
      const { value, done } = pieces.next()
      if (done === true && sent < Number(headers["content-length"] ?? 0)) {
        this.#closeWhenSent()
        return
      }
      if (done === true) {
        this.#stream.write(encodeFrame("end"))
        this.#reader.resume()
        return
      }
      const piece = value.subarray(0, stop - sent)
      sent += piece.length
      const goOn = this.#stream.write(encodeFrame("body", piece))
      if (!goOn) this.#sendMore = next
      else this.#clock.after((piece.length / rateOf(answer)) * 1000, next)
    }
    next()
  }

  #closeWhenSent(): void {
    if (this.#stream.bufferedBytes === 0) this.#stream.destroy()
    else this.#clock.after(1, () => this.#closeWhenSent())
  }
}

function rateOf({ bytesPerSecond = Number.POSITIVE_INFINITY }: WebAnswer): number {
  return typeof bytesPerSecond === "function" ? bytesPerSecond() : bytesPerSecond
}

function* piecesOf(body: Iterable<Uint8Array>): Generator<Uint8Array, undefined> {
  for (const part of body) {
    for (let at = 0; at < part.length; at += PIECE) yield part.subarray(at, at + PIECE)
  }
  return undefined
}
