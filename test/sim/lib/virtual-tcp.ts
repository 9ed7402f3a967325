import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../../../src/ports/net.js"
import { addressFamily, canonicalAddress, networkError } from "./addresses.js"
import type { ProcessClock } from "./virtual-clock.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"
import { type VirtualPort, VirtualStream } from "./virtual-stream.js"

/** TCP of one process on a virtual host. */
export class VirtualNet implements Net {
  readonly #network: VirtualNetwork
  readonly #host: VirtualHost
  readonly #clock: ProcessClock

  constructor(network: VirtualNetwork, host: VirtualHost, clock: ProcessClock) {
    this.#network = network
    this.#host = host
    this.#clock = clock
  }

  connect(remote: Endpoint, listener: StreamListener): ByteStream {
    const local = this.#host.addressTowards(remote.host)
    const ends = { host: this.#host, ownHost: local ?? "", remote }
    const stream = new VirtualStream(this.#network, ends, listener)
    if (addressFamily(remote.host) === undefined || local === undefined) {
      stream.fail(networkError("ENETUNREACH", `no way to ${remote.host}`))
      return stream
    }
    const port = this.#host.freePort((candidate) => this.#host.tcpPorts.has(candidate))
    const { gateway } = this.#host
    const isNeighbour = this.#network.find(remote.host, this.#host)?.gateway === gateway
    stream.open(
      gateway === undefined || isNeighbour ? { host: canonicalAddress(local), port } : gateway.outgoingTcp(port),
    )
    return stream
  }

  async listen(
    options: { port: number; host?: string },
    accept: (stream: ByteStream) => StreamListener,
  ): Promise<Listener> {
    await afterDelay(this.#clock)
    return this.open(options, accept)
  }

  /** `listen` at once, for servers that stand when a scenario begins. */
  open(options: { port: number; host?: string }, accept: (stream: ByteStream) => StreamListener): Listener {
    const ports = this.#host.tcpPorts
    const port = options.port === 0 ? this.#host.freePort((candidate) => ports.has(candidate)) : options.port
    const address = options.host === undefined ? undefined : canonicalAddress(options.host)
    const owner: VirtualPort = { address, accept }
    const owners = ports.get(port) ?? []
    if (owners.some((other) => other.address === undefined || address === undefined || other.address === address)) {
      throw networkError("EADDRINUSE", `port ${port} is taken`)
    }
    ports.set(port, [...owners, owner])
    return {
      port,
      close: async () => {
        const left = (ports.get(port) ?? []).filter((other) => other !== owner)
        if (left.length > 0) ports.set(port, left)
        else ports.delete(port)
        await afterDelay(this.#clock)
      },
    }
  }

  async resolve(hostname: string): Promise<string[]> {
    await afterDelay(this.#clock)
    const addresses = this.#network.addressesOf(hostname)
    if (addresses.length === 0) throw networkError("ENOTFOUND", `no address for ${hostname}`)
    return [...addresses]
  }
}

function afterDelay(clock: ProcessClock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(0, resolve)
  })
}
