import type { Socket } from "node:net"
import { classifyHost } from "../bytes/address-policy.js"
import { familyOf, formatIp, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import type { Endpoint } from "../ports/net.js"
import type { Udp, UdpSocket } from "../ports/udp.js"
import type { ProxyServer } from "../proxy/proxies.js"
import { Socks5Handshake } from "../proxy/socks5.js"
import { decodeDatagram, encodeDatagram } from "../proxy/socks5-datagram.js"
import { normalizeIp } from "./ip.js"
import { openTunnel } from "./tunnel.js"
import { nodeUdp } from "./udp.js"

/** Datagrams that wait for a relay that was lost and is asked for again; more are lost like any other. */
const MAX_HELD = 16
/** Who asks a tracker every half hour wants the connection kept that the relay hangs on, ms. */
const KEEP_ALIVE = 60_000

type OnMessage = (datagram: Uint8Array, from: Endpoint) => void

/**
 * Datagrams through a SOCKS5 proxy (RFC 1928, UDP ASSOCIATE). A destination may be a name, which the proxy resolves; its
 * answers come from an address. `open` rejects with a ProtocolError when the proxy gives no relay.
 */
export function socks5Udp(proxy: ProxyServer): Udp {
  return {
    async open({ signal }, onMessage) {
      const socket = new RelayedSocket(proxy, onMessage)
      const giveUp = (): void => void socket.close()
      signal?.addEventListener("abort", giveUp)
      try {
        await socket.associate()
      } finally {
        signal?.removeEventListener("abort", giveUp)
      }
      return socket
    },
  }
}

/** A relay's end here: the connection it hangs on, and the socket that speaks with it alone. */
interface Association {
  readonly control: Socket
  readonly socket: UdpSocket
  readonly relay: Endpoint
}

class RelayedSocket implements UdpSocket {
  readonly #proxy: ProxyServer
  readonly #onMessage: OnMessage
  #association: Association | undefined
  #associating: Promise<void> | undefined
  /** The connection to the proxy, from its beginning. */
  #control: Socket | undefined
  readonly #held: { datagram: Uint8Array; to: Endpoint }[] = []
  #closed = false

  constructor(proxy: ProxyServer, onMessage: OnMessage) {
    this.#proxy = proxy
    this.#onMessage = onMessage
  }

  get port(): number {
    return this.#association?.socket.port ?? 0
  }

  /** Asks the proxy for a relay. */
  associate(): Promise<void> {
    this.#associating ??= this.#associate().finally(() => {
      this.#associating = undefined
    })
    return this.#associating
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    if (this.#closed || to.port < 1 || to.port > 65535 || classifyHost(to.host) === "forbidden") return
    if (this.#association === undefined) {
      if (this.#held.length < MAX_HELD) this.#held.push({ datagram, to })
      this.associate().catch(() => this.#held.splice(0))
      return
    }
    const { socket, relay } = this.#association
    socket.send(encodeDatagram(to, datagram), relay)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#control?.destroy()
    await this.#associating?.catch(() => {})
    await this.#association?.socket.close()
  }

  async #associate(): Promise<void> {
    const { control, relay } = await this.#ask()
    const socket = await nodeUdp.open({ family: familyOf(relay.host), port: 0 }, (bytes, from) => {
      if (from.host !== relay.host || from.port !== relay.port) return
      const datagram = decodeDatagram(bytes)
      if (datagram !== undefined && !this.#closed) this.#onMessage(datagram.payload, datagram.from)
    })
    const end = (): void => {
      this.#association = undefined
      void socket.close()
    }
    if (control.destroyed) {
      end()
      throw new ProtocolError("the proxy ended its relay at once")
    }
    control.once("close", end)
    this.#association = { control, socket, relay }
    for (const { datagram, to } of this.#held.splice(0)) this.send(datagram, to)
  }

  #ask(): Promise<{ control: Socket; relay: Endpoint }> {
    const handshake = new Socks5Handshake(undefined, this.#proxy.credentials)
    return new Promise((resolve, reject) => {
      const hear = (control: Socket): void => {
        this.#control = control
        control.on("error", (error) => reject(new ProtocolError(`no datagrams: ${error.message}`)))
        control.once("close", () => reject(new ProtocolError("no datagrams: the proxy closed the connection")))
      }
      const opening = openTunnel(this.#proxy, handshake, (control) => {
        hear(control)
        control.setKeepAlive(true, KEEP_ALIVE).resume()
        resolve({ control, relay: relayOf(handshake, control) })
      })
      hear(opening)
    })
  }
}

/** Where the relay takes datagrams. A proxy that does not say, or says a name, takes them at its own address. */
function relayOf({ bound }: Socks5Handshake, control: Socket): Endpoint {
  const address = parseIp(bound!.host)
  const isSaid = address?.some((byte) => byte !== 0) === true
  return { host: isSaid ? formatIp(address) : normalizeIp(control.remoteAddress ?? ""), port: bound!.port }
}
