import type { LookupAddress, LookupAllOptions } from "node:dns"
import type { Agent, ClientRequest, RequestOptions } from "node:http"
import type { Agent as SecureAgent, RequestOptions as SecureRequestOptions } from "node:https"
import type { LookupFunction } from "node:net"
import { type Http, HttpError, type HttpExchange, type HttpListener, type HttpRequest } from "../ports/http.js"
import { type AddressClass, classifyAddress, mayConnect } from "./address-policy.js"
import { NodeExchange } from "./http-exchange.js"
import { USER_AGENT } from "./version.js"

/** Bytes of an answer's head; Node's own limit of 16 KiB is known to be too little for some servers. */
const MAX_HEADER_SIZE = 32 * 1024
/** Milliseconds an idle connection is kept. */
const KEEP_IDLE = 30_000
/** Milliseconds until the host's next address is tried too (RFC 8305 says 250, which slow links need for themselves). */
const NEXT_ADDRESS_AFTER = 1_000

const AGENT_OPTIONS = {
  keepAlive: true,
  noDelay: true,
  timeout: KEEP_IDLE,
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_AFTER,
}

/** How names are resolved: as `dns.lookup` does it when all addresses are asked for. */
export type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** HTTP by Node's own client, through its own pools of kept-alive connections. How many there are is the callers' choice. */
export class NodeHttp implements Http {
  #plain: Agent | undefined
  #secure: SecureAgent | undefined
  readonly #lookups: Readonly<Record<"public" | "local", LookupFunction>>
  #closed = false

  /** Names are resolved by the system when `lookup` is absent. */
  constructor(lookup: LookupAll = systemLookup) {
    this.#lookups = { public: guardedLookup("public", lookup), local: guardedLookup("local", lookup) }
  }

  get(request: HttpRequest, listener: HttpListener): HttpExchange {
    return new NodeExchange(request, listener, (url, headers, host) => this.#request(url, headers, host))
  }

  /** Closes all connections; exchanges under way fail, and so do later ones. */
  async close(): Promise<void> {
    this.#closed = true
    this.#plain?.destroy()
    this.#secure?.destroy()
    // Sockets close at the end of the turn.
    await new Promise((resolve) => setImmediate(resolve))
  }

  #request(url: URL, headers: Readonly<Record<string, string>>, host: AddressClass): ClientRequest {
    if (this.#closed) throw new HttpError("network", "HTTP is closed")
    const options: RequestOptions = {
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port,
      path: url.pathname + url.search,
      headers: { "user-agent": USER_AGENT, "accept-encoding": "identity", ...headers },
      maxHeaderSize: MAX_HEADER_SIZE,
      lookup: this.#lookups[host === "local" ? "local" : "public"],
    }
    if (url.username !== "" || url.password !== "") {
      options.auth = `${decodePercents(url.username)}:${decodePercents(url.password)}`
    }
    // Loaded when first needed: they take milliseconds that a short command feels.
    if (url.protocol === "http:") {
      const http = process.getBuiltinModule("node:http")
      this.#plain ??= new http.Agent(AGENT_OPTIONS)
      return http.get({ ...options, agent: this.#plain })
    }
    const https = process.getBuiltinModule("node:https")
    this.#secure ??= new https.Agent(AGENT_OPTIONS)
    // Said in words, so that no environment variable can switch it off.
    const secure: SecureRequestOptions = { ...options, agent: this.#secure, rejectUnauthorized: true }
    return https.get(secure)
  }
}

const systemLookup: LookupAll = (hostname, options, callback) =>
  process.getBuiltinModule("node:dns").lookup(hostname, options, callback)

/**
 * Resolves a name to the addresses that a host of that class may have. The connection goes to one of just these, so a
 * name that changes its answers gains nothing.
 */
function guardedLookup(host: AddressClass, lookup: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, [])
      const allowed = found.filter(({ address }) => mayConnect(host, classifyAddress(address)))
      const [first] = allowed
      if (first === undefined) {
        callback(new HttpError("unsafe-address", `${hostname} leads to an address inside a private network`), [])
      } else if (options.all) {
        callback(null, allowed)
      } else {
        callback(null, first.address, first.family)
      }
    })
  }
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
