import type { Endpoint } from "../../../src/ports/net.js"
import type { Udp, UdpSocket } from "../../../src/ports/udp.js"
import { addressFamily, canonicalAddress, networkError } from "./addresses.js"
import type { ProcessClock } from "./virtual-clock.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

/** The most that fits into an IPv4 datagram. */
const MAX_DATAGRAM = 65_507

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
    const { random } = this.#network
    const far = this.#network.find(to.host, this.#host)
    const local = this.#host.addressTowards(to.host)
    if (far === undefined || local === undefined || datagram.length > MAX_DATAGRAM) return
    const bytes = datagram.slice()
    const [near, remote] = [this.#host.profile, far.profile]
    const happens = (chance: "loss" | "duplication" | "reordering") =>
      far !== this.#host && (random.chance(near[chance]) || random.chance(remote[chance]))
    const deliver = () => {
      const onMessage = far.udpPorts.get(`${addressFamily(to.host)}:${to.port}`) as OnMessage | undefined
      if (!this.#network.connected(this.#host, far)) return
      onMessage?.(bytes.slice(), { host: canonicalAddress(local), port })
    }
    const copies = happens("duplication") ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (happens("loss") || !this.#network.connected(this.#host, far)) continue
      const heldBack = happens("reordering") ? Math.max(near.reorderingDelay, remote.reorderingDelay) : 0
      this.#network.carry(this.#host, far, bytes.length, () => {
        if (heldBack > 0) this.#network.clock.after(heldBack, deliver)
        else deliver()
      })
    }
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(0, resolve)
    })
  }
}
