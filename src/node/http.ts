import { type Http, HttpError, type HttpExchange, type HttpListener, type HttpRequest } from "../ports/http.js"
import { guardedLookups, type LookupAll } from "./guarded-lookup.js"
import { NodeExchange } from "./http-exchange.js"
import type { Transport } from "./http-transport.js"
import { Http1Pool } from "./http1-pool.js"
import { HttpsTransport } from "./https-transport.js"
import type { WebDetour } from "./web-detour.js"

/** HTTP over connections that are kept: plain by our own client, secure by Node's. */
export class NodeHttp implements Http {
  readonly #plain: Transport
  readonly #secure: Transport
  #closed = false

  /** Names are resolved by the system when `lookup` is absent; those of hosts behind a proxy are not resolved here. */
  constructor(
    options: { lookup?: LookupAll; detour?: WebDetour | undefined; receiveLength?: number | undefined } = {},
  ) {
    const { lookup, detour, receiveLength } = options
    const lookups = guardedLookups(lookup)
    this.#plain = new Http1Pool(lookups, detour, receiveLength)
    this.#secure = new HttpsTransport(lookups, detour)
  }

  get(request: HttpRequest, listener: HttpListener): HttpExchange {
    return NodeExchange.get(request, listener, (url) => this.#transport(url))
  }

  /** Closes all connections; exchanges under way fail, and so do later ones. */
  async close(): Promise<void> {
    this.#closed = true
    this.#plain.close()
    this.#secure.close()
    // Sockets close at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve))
  }

  #transport(url: URL): Transport {
    if (this.#closed) throw new HttpError("network", "HTTP is closed")
    return url.protocol === "http:" ? this.#plain : this.#secure
  }
}
