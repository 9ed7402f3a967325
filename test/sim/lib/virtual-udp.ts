import type { Endpoint } from "../../../src/ports/net.js"
import type { Udp, UdpSocket } from "../../../src/ports/udp.js"
import { addressFamily, canonicalAddress, networkError } from "./addresses.js"
import type { ProcessClock } from "./virtual-clock.js"
import { carryDatagram, MAX_DATAGRAM } from "./virtual-datagram.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

type OnMessage = (datagram: Uint8Array, from: Endpoint) => void

/** UDP of one process on a virtual host. */
export class VirtualUdp implements Udp {
  readonly #network: VirtualNetwork
  readonly #host: VirtualHost
  readonly #clock: ProcessClock

  constructor(network: VirtualNetwork, host: VirtualHost, clock: ProcessClock) {
    this.#network = network
    this.#host = host
    this.#clock = clock
  }

  async open(options: { family: 4 | 6; port: number }, onMessage: OnMessage): Promise<UdpSocket> {
    await this.#delay()
    const ports = this.#host.udpPorts
    const key = (port: number) => `${options.family}:${port}`
    const port = options.port === 0 ? this.#host.freePort((candidate) => ports.has(key(candidate))) : options.port
    if (ports.has(key(port))) throw networkError("EADDRINUSE", `UDP port ${port} is taken`)
    ports.set(key(port), onMessage)
    return {
      port,
      send: (datagram, to) => {
        if (ports.get(key(port)) !== onMessage || addressFamily(to.host) !== options.family) return
        this.#send(datagram, port, to)
      },
      close: async () => {
        if (ports.get(key(port)) === onMessage) ports.delete(key(port))
        await this.#delay()
      },
    }
  }

  #send(datagram: Uint8Array, port: number, to: Endpoint): void {
    const far = this.#network.find(to.host, this.#host)
    const local = this.#host.addressTowards(to.host)
    if (far === undefined || local === undefined || datagram.length > MAX_DATAGRAM) return
    const bytes = datagram.slice()
    const { gateway } = this.#host
    const goesOut = gateway !== undefined && far.gateway !== gateway && far !== this.#host
    const from = goesOut ? gateway.outgoing(this.#host, port, to) : { host: canonicalAddress(local), port }
    carryDatagram(this.#network, { from: this.#host, to: far, length: bytes.length }, () => {
      const place = far.nat === undefined ? { host: far, port: to.port } : far.nat.incoming(to.port, from)
      const onMessage = place?.host.udpPorts.get(`${addressFamily(to.host)}:${place.port}`) as OnMessage | undefined
      onMessage?.(bytes.slice(), from)
    })
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(0, resolve)
    })
  }
}
