import { type Http, HttpError, type HttpExchange, type HttpListener, type HttpRequest } from "../ports/http.js"
import type { FindAddresses } from "./connect-race.js"
import { guardedLookups } from "./guarded-lookup.js"
import { NodeExchange } from "./http-exchange.js"
import { Http1Pool } from "./http1-pool.js"
import type { WebDetour } from "./web-detour.js"

/** HTTP over connections that are kept. */
export class NodeHttp implements Http {
  readonly #pool: Http1Pool
  #closed = false

  /** Names are resolved by the system when `lookup` is absent; those of hosts behind a proxy are not resolved here. */
  constructor(
    options: { lookup?: FindAddresses; detour?: WebDetour | undefined; receiveLength?: number | undefined } = {},
  ) {
    const { lookup, detour, receiveLength } = options
    this.#pool = new Http1Pool(guardedLookups(lookup), detour, receiveLength)
  }

  get(request: HttpRequest, listener: HttpListener): HttpExchange {
    return NodeExchange.get(request, listener, () => this.#transport())
  }

  /** Closes all connections; exchanges under way fail, and so do later ones. */
  async close(): Promise<void> {
    this.#closed = true
    this.#pool.close()
    // Sockets close at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve))
  }

  #transport(): Http1Pool {
    if (this.#closed) throw new HttpError("network", "HTTP is closed")
    return this.#pool
  }
}
