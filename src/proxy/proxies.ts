import { decodePercents, namedPort, parseUrl, redactUrl, withoutBrackets } from "../bytes/url.js"
import { AtError } from "../errors.js"
import type { Credentials, Place } from "./handshake.js"
import { NoProxy } from "./no-proxy.js"

/** A proxy, as a URL names it. */
export interface ProxyServer extends Place {
  /** `http` and `https` (which is reached through TLS) take requests and CONNECT, `socks5` connections alone. */
  readonly kind: "http" | "https" | "socks5"
  readonly credentials?: Credentials
}

/** The environment's words on proxies. Undefined and "" are the same: nothing said. */
export interface ProxySettings {
  /** `HTTP_PROXY`: for http. */
  readonly http?: string | undefined
  /** `HTTPS_PROXY`: for https. */
  readonly https?: string | undefined
  /**
   * `ALL_PROXY`: for these where nothing else is said, and for peers. Where both have their own, one of a kind that we don't
   * speak only keeps us from peers.
   */
  readonly all?: string | undefined
  /** `NO_PROXY`: hosts that are reached without. */
  readonly none?: string | undefined
}

const KINDS: Readonly<Record<string, ProxyServer["kind"]>> = {
  "http:": "http",
  "https:": "https",
  "socks5:": "socks5",
  // curl's name for leaving it to the proxy to resolve names, which we do always.
  "socks5h:": "socks5",
  // GNOME's name, which leaves the version open.
  "socks:": "socks5",
}

const PORTS: Readonly<Record<ProxyServer["kind"], number>> = { http: 80, https: 443, socks5: 1080 }

/** Which proxy leads to which host, if any. */
export class Proxies {
  readonly #http: ProxyServer | undefined
  readonly #https: ProxyServer | undefined
  readonly #all: ProxyServer | undefined
  readonly #none: NoProxy
  /** What keeps us from peers: a sentence. Undefined: nothing that the user should know of. */
  readonly warning: string | undefined

  /** @throws AtError `AT_INVALID_INPUT` when a proxy's URL can't be used */
  constructor({ http, https, all, none = "" }: ProxySettings) {
    this.#none = new NoProxy(none)
    const [ownHttp, ownHttps] = [parseProxy("HTTP_PROXY", http), parseProxy("HTTPS_PROXY", https)]
    const isNeeded = ownHttp === undefined || ownHttps === undefined
    const scheme = splitScheme(all ?? "").scheme
    if (isNeeded || KINDS[scheme] !== undefined) this.#all = parseProxy("ALL_PROXY", all)
    else
      this.warning = `ALL_PROXY is not used, and peers are not reached: a proxy of the kind ${scheme}// is not supported`
    this.#http = ownHttp ?? this.#all
    this.#https = ownHttps ?? this.#all
  }

  /**
   * How far peers are reached. `open`: there is no proxy. `outgoing`: through one. `web`: there are proxies for HTTP alone,
   * and to reach peers would be to go around them.
   */
  get reach(): "open" | "outgoing" | "web" {
    if (this.#none.isAll || (this.#http ?? this.#https) === undefined) return "open"
    return this.#all === undefined ? "web" : "outgoing"
  }

  /** The proxy for a request to a host; undefined: it goes straight there. */
  forUrl(protocol: "http:" | "https:", hostname: string): ProxyServer | undefined {
    return this.isDirect(hostname) ? undefined : protocol === "https:" ? this.#https : this.#http
  }

  /** The proxy for connections to anything but the web. */
  get forPeers(): ProxyServer | undefined {
    return this.#all
  }

  /** Whether `NO_PROXY` names the host. */
  isDirect(hostname: string): boolean {
    return this.#none.names(hostname)
  }
}

function parseProxy(variable: string, text: string | undefined): ProxyServer | undefined {
  const trimmed = text?.trim() ?? ""
  if (trimmed === "") return undefined
  const { scheme, rest } = splitScheme(trimmed)
  const kind = KINDS[scheme]
  // URL leaves the host of a scheme it does not know unparsed.
  const url = kind === undefined ? undefined : parseUrl(`http://${rest}`)
  const port = namedPort(rest)
  if (kind === undefined || url === undefined || port === 0) {
    throw new AtError("AT_INVALID_INPUT", `${variable}: "${redactUrl(trimmed)}" is not a usable proxy`, {
      hint: "write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before HOST if needed",
    })
  }
  const place = {
    kind,
    host: withoutBrackets(url.hostname),
    port: port ?? PORTS[kind],
  }
  if (url.username === "" && url.password === "") return place
  return { ...place, credentials: { user: decodePercents(url.username), password: decodePercents(url.password) } }
}

/** A proxy that names no scheme is one for HTTP. */
function splitScheme(text: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme = "http:", rest = ""] = /^(?:([a-z][a-z0-9+.-]*:)\/\/)?(.*)$/is.exec(text.trim()) ?? []
  return { scheme: scheme.toLowerCase(), rest }
}
