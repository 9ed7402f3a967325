import type { Socket } from "node:net"
import type { Place } from "../proxy/handshake.js"
import type { Headers } from "./http-transport.js"
import type { ProxyRefusal } from "./proxy-login.js"
import type { OnOpen } from "./tunnel.js"

/** How a proxy takes requests. */
export interface Forward {
  /** What it wants besides the requests' own. */
  readonly headers: Headers
  /** Hears the head of each answer. What the proxy itself says against us is returned. */
  onHead(status: number, headers: Headers): ProxyRefusal | undefined
}

/** How requests get to a host through a proxy. */
export interface WebRoute {
  /** As messages name it: host and port, without secrets. */
  readonly proxy: string
  /** Present when the proxy takes the requests themselves, with whole URLs; absent when `open` leads to the host. */
  readonly forward?: Forward
  /** Connects, as `openTunnel` does. */
  open(onOpen: OnOpen): Socket
}

/** Says which requests go through a proxy. */
export interface WebDetour {
  /** Undefined: straight there. `place.host` is without brackets. */
  routeFor(protocol: "http:" | "https:", place: Place): WebRoute | undefined
}
