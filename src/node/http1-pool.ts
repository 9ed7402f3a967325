import type { AddressClass } from "../bytes/address-policy.js"
import type { Family } from "../bytes/ip.js"
import { withoutBrackets } from "../bytes/url.js"
import { HttpError } from "../ports/http.js"
import type { Place } from "../proxy/handshake.js"
import { FamilyMemory, mayHaveFamily } from "./family-memory.js"
import type { LookupByClass } from "./guarded-lookup.js"
import { toHttpError } from "./http-error.js"
import type { Headers, Sent, Transport, TransportListener } from "./http-transport.js"
import { type Carried, Http1Connection } from "./http1-connection.js"
import { openLine, openLineThrough } from "./http1-line.js"
import { requestHead } from "./http1-request.js"
import { RECEIVE_BUFFER } from "./tcp.js"
import { TlsSessions } from "./tls-sessions.js"
import type { Forward, WebDetour, WebRoute } from "./web-detour.js"

/** HTTP/1.1, in plain and by TLS. How many connections there are is the callers' choice; unused ones are kept for a while. */
export class Http1Pool implements Transport {
  readonly #lookups: LookupByClass
  readonly #detour: WebDetour | undefined
  readonly #all = new Set<Http1Connection>()
  /** By origin. The last one used is the first to be used again: the others get a chance to become too old. */
  readonly #idle = new Map<string, Http1Connection[]>()
  readonly #sessions = new TlsSessions()
  readonly #families = new FamilyMemory()
  /** One for all connections: Node reads into it and calls back before it reads again. */
  #receiveBuffer: Uint8Array | undefined
  readonly #receiveLength: number

  /** `receiveLength`: bytes received at a time. */
  constructor(lookups: LookupByClass, detour?: WebDetour, receiveLength = RECEIVE_BUFFER) {
    this.#lookups = lookups
    this.#detour = detour
    this.#receiveLength = receiveLength
  }

  send(url: URL, headers: Headers, host: AddressClass, listener: TransportListener, family?: Family): Sent {
    const secure = url.protocol === "https:"
    const place = {
      host: withoutBrackets(url.hostname),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    }
    const route = this.#detour?.routeFor(secure ? "https:" : "http:", place)
    if (route === undefined && family !== undefined && !mayHaveFamily(place.host, family)) {
      throw new HttpError("network", `${url.host} is no IPv${family} address`)
    }
    const forward = route?.forward
    const head = requestHead(url, { ...headers, ...forward?.headers }, forward !== undefined)
    // A connection is for hosts of one class: it was not checked for another. A proxy's is for all hosts.
    const key = forward === undefined ? `${host} ${family ?? ""} ${url.origin}` : ""
    const connection = this.#takeIdle(key) ?? this.#open(key, url.host, { place, secure, host, route, family })
    const hearing = forward === undefined ? listener : this.#hearThrough(forward, url.host, key, listener)
    return sent(connection.send(head, hearing), { direct: route === undefined, followed: forward === undefined })
  }

  close(): void {
    for (const connection of this.#all) connection.close(new HttpError("network", "HTTP is closed"))
  }

  /** Tells the answers of a host from that of a proxy which does not ask it. */
  #hearThrough(forward: Forward, host: string, key: string, listener: TransportListener): TransportListener {
    return {
      ...listener,
      onHead: (status, headers) => {
        const refusal = forward.onHead(status, headers)
        if (refusal === undefined) return listener.onHead(status, headers)
        // The connections that are kept would carry the same login once more.
        this.#idle.delete(key)
        listener.onError(toHttpError(refusal, host))
      },
    }
  }

  #takeIdle(key: string): Http1Connection | undefined {
    const idle = this.#idle.get(key)
    let connection = idle?.pop()
    while (connection !== undefined && !connection.usable) connection = idle?.pop()
    return connection
  }

  #open(key: string, name: string, { place, secure, host, route, family }: Way): Http1Connection {
    this.#receiveBuffer ??= new Uint8Array(this.#receiveLength)
    const line = {
      place,
      sessions: secure ? this.#sessions : undefined,
      lookup: this.#lookups[host === "local" ? "local" : "public"],
      families: this.#families,
      family,
      receiveBuffer: this.#receiveBuffer,
    }
    const connection = new Http1Connection({
      host: route === undefined ? name : `${name} through the proxy ${route.proxy}`,
      open: (hears) => (route === undefined ? openLine(line, hears) : openLineThrough(route, line, hears)),
      onIdle: () => {
        const idle = this.#idle.get(key)
        if (idle === undefined) this.#idle.set(key, [connection])
        else idle.push(connection)
      },
      onClose: () => {
        this.#all.delete(connection)
        const idle = this.#idle.get(key)
        const index = idle?.indexOf(connection) ?? -1
        if (index >= 0) idle!.splice(index, 1)
        if (idle?.length === 0) this.#idle.delete(key)
      },
    })
    this.#all.add(connection)
    return connection
  }
}

/** How to get to a host. */
interface Way {
  readonly place: Place
  readonly secure: boolean
  readonly host: AddressClass
  readonly route: WebRoute | undefined
  readonly family: Family | undefined
}

/** `followed`: whether others may be sent behind it. Proxies are not trusted with that. */
function sent(carried: Carried, way: { readonly direct: boolean; readonly followed: boolean }): Sent {
  return {
    reused: carried.reused,
    get family() {
      return way.direct ? carried.family : undefined
    },
    pause: () => carried.pause(),
    resume: () => carried.resume(),
    abort: (error) => carried.abort(error),
    follow: (url, headers, listener) => {
      const next = way.followed ? carried.follow(requestHead(url, headers), listener) : undefined
      return next && sent(next, way)
    },
  }
}
