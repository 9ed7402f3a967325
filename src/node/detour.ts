import { ProtocolError } from "../errors.js"
import { type Log, silentLog } from "../ports/log.js"
import type { Multicast } from "../ports/multicast.js"
import type { Net } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { Udp } from "../ports/udp.js"
import type { Handshake, Place } from "../proxy/handshake.js"
import { Proxies, type ProxyServer, type ProxySettings } from "../proxy/proxies.js"
import { Socks5Handshake } from "../proxy/socks5.js"
import { ConnectHandshake, loginFault, PROXY_AUTHENTICATION_REQUIRED } from "./http-connect.js"
import type { Headers } from "./http-transport.js"
import { ProxiedNet } from "./proxied-net.js"
import { loginOf, refusalOf } from "./proxy-login.js"
import { socks5Udp } from "./socks5-udp.js"
import { NodeNet } from "./tcp.js"
import { openTunnel } from "./tunnel.js"
import type { WebDetour, WebRoute } from "./web-detour.js"

/** The ports of a machine that reaches others through proxies. */
export interface Detour {
  readonly reach: Platform["reach"]
  readonly net: Net
  readonly udp: Udp
  readonly multicast: Multicast
  readonly web: WebDetour
}

/**
 * What goes through which proxy; undefined when nothing does. Datagrams go through a SOCKS5 proxy, and
 * nowhere else; none goes to many at once.
 *
 * @throws AtError `AT_INVALID_INPUT` when a proxy's URL can't be used
 */
export function createDetour(settings: ProxySettings, log: Log = silentLog): Detour | undefined {
  const proxies = new Proxies(settings)
  const { reach, forPeers, warning } = proxies
  if (reach === "open") return undefined
  if (warning !== undefined) log.log("warn", "session", warning)
  return {
    reach,
    net: new ProxiedNet({
      direct: new NodeNet(),
      isDirect: (host) => proxies.isDirect(host),
      open: forPeers && ((place, onOpen) => openTunnel(forPeers, handshakeFor(forPeers, place), onOpen)),
    }),
    udp: forPeers?.kind === "socks5" ? socks5Udp(forPeers) : { open: noDatagrams },
    multicast: { join: noDatagrams },
    web: {
      routeFor(protocol, place) {
        const proxy = proxies.forUrl(protocol, place.host)
        return proxy === undefined ? undefined : webRoute(protocol, place, proxy)
      },
    },
  }
}

function noDatagrams(): Promise<never> {
  return Promise.reject(new ProtocolError("no datagrams: they would go around the proxy"))
}

function webRoute(protocol: "http:" | "https:", place: Place, proxy: ProxyServer): WebRoute {
  const name = `${proxy.host}:${proxy.port}`
  if (protocol === "http:" && proxy.kind !== "socks5") {
    return {
      proxy: name,
      forward: {
        headers: authorization(proxy),
        onHead(status, headers) {
          if (status === PROXY_AUTHENTICATION_REQUIRED) {
            return refusalOf(proxy, loginFault(proxy.credentials !== undefined, headers), "login")
          }
          loginOf(proxy)?.take()
          return undefined
        },
      },
      open: (onOpen) => openTunnel(proxy, undefined, onOpen),
    }
  }
  return { proxy: name, open: (onOpen) => openTunnel(proxy, handshakeFor(proxy, place), onOpen) }
}

/** @throws ProtocolError when the place's name is too long for the proxy's protocol */
function handshakeFor(proxy: ProxyServer, place: Place): Handshake {
  if (proxy.kind === "socks5") return new Socks5Handshake(place, proxy.credentials)
  const lines = Object.entries(authorization(proxy)).map(([name, value]) => `${name}: ${value}\r\n`)
  return new ConnectHandshake(place, lines.join(""))
}

function authorization({ credentials }: ProxyServer): Headers {
  if (credentials === undefined) return {}
  const text = `${credentials.user}:${credentials.password}`
  return { "proxy-authorization": `Basic ${Buffer.from(text).toString("base64")}` }
}
