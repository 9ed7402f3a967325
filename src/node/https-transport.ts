import type { ClientRequest, ClientRequestArgs, IncomingMessage } from "node:http"
import type { Agent, RequestOptions } from "node:https"
import type { Socket } from "node:net"
import { HttpError } from "../ports/http.js"
import type { Place } from "../proxy/handshake.js"
import type { AddressClass } from "./address-policy.js"
import { errnoOf } from "./errno.js"
import type { LookupByClass } from "./guarded-lookup.js"
import { toHttpError } from "./http-error.js"
import type { Headers, Sent, Transport, TransportListener } from "./http-transport.js"
import { KEEP_IDLE, NEXT_ADDRESS_AFTER } from "./http1-connection.js"
import { MAX_HEAD } from "./http1-head.js"
import type { WebDetour, WebRoute } from "./web-detour.js"

/** HTTPS by Node's own client and its pool: beside the work of TLS a client of our own would gain nothing. */
export class HttpsTransport implements Transport {
  readonly #lookups: LookupByClass
  readonly #detour: WebDetour | undefined
  /** Ways through a proxy that are not open yet: the agent does not know of them. */
  readonly #opening = new Set<Socket>()
  #agent: Agent | undefined

  constructor(lookups: LookupByClass, detour?: WebDetour) {
    this.#lookups = lookups
    this.#detour = detour
  }

  send(url: URL, headers: Headers, host: AddressClass, listener: TransportListener): Sent {
    // Loaded when first needed: it takes milliseconds that a short command feels.
    const https = process.getBuiltinModule("node:https")
    this.#agent ??= this.#createAgent()
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1")
    const options: RequestOptions = {
      hostname,
      port: url.port,
      path: url.pathname + url.search,
      headers,
      agent: this.#agent,
      maxHeaderSize: MAX_HEAD,
      lookup: this.#lookups[host === "local" ? "local" : "public"],
      // Said in words, so that no environment variable can switch it off.
      rejectUnauthorized: true,
    }
    let request: ClientRequest
    try {
      request = https.get(options)
    } catch (error) {
      throw new HttpError("malformed", "the request can't be sent", error)
    }
    const route = this.#detour?.routeFor("https:", placeOf(hostname, url.port))
    const name = route === undefined ? url.host : `${url.host} through the proxy ${route.proxy}`
    return new HttpsRequest(request, name, listener)
  }

  close(): void {
    this.#agent?.destroy()
    for (const socket of this.#opening) socket.destroy()
  }

  #createAgent(): Agent {
    const agent = new (process.getBuiltinModule("node:https").Agent)({
      keepAlive: true,
      noDelay: true,
      timeout: KEEP_IDLE,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
    })
    const detour = this.#detour
    if (detour === undefined) return agent
    const connect = agent.createConnection.bind(agent)
    agent.createConnection = (options, done) => {
      const route = detour.routeFor("https:", placeOf(options.host ?? "", options.port ?? ""))
      if (route === undefined) return connect(options, done)
      const socket = this.#openRoute(route, (error) => {
        if (error !== undefined) done?.(error, socket)
        // TLS with the host itself, and by the same rules as without a proxy.
        else done?.(null, connect({ ...options, socket } as ClientRequestArgs)!)
      })
      return undefined
    }
    return agent
  }

  #openRoute(route: WebRoute, done: (error?: Error) => void): Socket {
    const socket = route.open((rest) => {
      this.#opening.delete(socket)
      socket.off("error", done)
      // TLS begins with our word.
      done(rest.length === 0 ? undefined : new Error("the proxy says more than it was asked"))
    })
    this.#opening.add(socket)
    socket.once("error", done)
    socket.once("close", () => this.#opening.delete(socket))
    return socket
  }
}

function placeOf(host: string, port: string | number): Place {
  return { host, port: port === "" ? 443 : Number(port) }
}

class HttpsRequest implements Sent {
  readonly #request: ClientRequest
  readonly #host: string
  /** Absent once it is over. */
  #listener: TransportListener | undefined
  #response: IncomingMessage | undefined
  #paused = false

  constructor(request: ClientRequest, host: string, listener: TransportListener) {
    this.#request = request
    this.#host = host
    this.#listener = listener
    request.on("response", (response) => this.#onResponse(response))
    request.on("error", (error) => this.#onError(error))
    // Node has ways to close a connection that are not errors to it, such as an answer in another protocol.
    request.on("close", () => {
      if (this.#response !== undefined) return
      this.#end()?.onError(new HttpError("network", `${host} closed the connection without an answer`))
    })
  }

  get reused(): boolean {
    return this.#request.reusedSocket
  }

  pause(): void {
    this.#paused = true
    this.#response?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#response?.resume()
  }

  /** Node's client sends one request at a time. */
  follow(): undefined {
    return undefined
  }

  abort(): void {
    this.#end()
    this.#request.destroy()
  }

  #onResponse(response: IncomingMessage): void {
    if (this.#listener === undefined) return
    this.#response = response
    response.on("data", (chunk: Buffer) => {
      // A Buffer's `slice` is a view where a Uint8Array's is a copy: nobody above this room should meet one.
      this.#listener?.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
    response.on("error", (error) => this.#cutShort(error))
    response.on("end", () => (response.complete ? this.#end()?.onEnd() : this.#cutShort()))
    if (this.#paused) response.pause()
    this.#listener.onHead(response.statusCode ?? 0, joinHeaders(response.rawHeaders))
  }

  #onError(error: Error): void {
    // It is about bytes behind the answer, whose end is yet to be heard.
    if (this.#response?.complete) return
    const code = errnoOf(error)
    // The server closed a kept connection while the request was on its way, so it can't have answered it.
    const stale = this.#response === undefined && this.reused
    if (this.#response !== undefined) this.#cutShort(error)
    else if (stale && (code === "ECONNRESET" || code === "EPIPE")) this.#end()?.onStale()
    else this.#end()?.onError(toHttpError(error, this.#host))
  }

  /** TLS that breaks in the middle of an answer is the network's fault: who is there was settled before. */
  #cutShort(error?: Error): void {
    const malformed = error !== undefined && errnoOf(error).startsWith("HPE_")
    const failure = malformed ? toHttpError(error, this.#host) : undefined
    this.#end()?.onError(failure ?? new HttpError("network", `${this.#host} cut its answer short`, error))
  }

  #end(): TransportListener | undefined {
    const listener = this.#listener
    this.#listener = undefined
    return listener
  }
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
