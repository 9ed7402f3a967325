import type { Socket } from "node:dgram"
import { type Family, familyOf, parseIp } from "../bytes/ip.js"
import { parseSubnet, type Subnet, subnetContains } from "../bytes/subnet.js"
import type { Multicast, MulticastGroup } from "../ports/multicast.js"
import type { Endpoint } from "../ports/net.js"
import { isLinkLocal, networkInterfaces } from "./interfaces.js"
import { normalizeIp } from "./ip.js"

/** Routers that may pass a datagram on (BEP 14: more than none, since the groups are an organisation's). */
const TTL = 4
/** Interfaces at most: a machine with hundreds of containers has hundreds. */
const MAX_INTERFACES = 16

/** An interface of this machine in one address family. */
export interface Interface {
  readonly address: string
  /** As the system's calls for multicast name it. */
  readonly name: string
  /** Where neighbours are: `10.77.0.0/16`. */
  readonly networks: readonly string[]
}

/**
 * Multicast by those interfaces that `look` finds; undefined: they can't be told now. `join` rejects with Node's own error,
 * or one that says that there is no interface.
 */
export function createMulticast(look: (family: Family) => readonly Interface[] | undefined = interfaces): Multicast {
  return {
    async join(group, onMessage) {
      const family = familyOf(group.host)
      const receiver = createSocket(family)
      const joined = new NodeMulticastGroup(group, receiver, () => look(family))
      receiver.on("message", (datagram, from) => {
        const host = normalizeIp(from.address)
        if (!joined.isNear(host)) return
        onMessage(new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength), { host, port: from.port })
      })
      try {
        // At the group's address only what was sent to the group comes in. Windows has none but our own to listen at.
        await bind(receiver, group.port, process.platform === "win32" ? undefined : group.host)
        await joined.look()
        if (!joined.hasInterface) throw new Error("there is no interface for multicast")
        return joined
      } catch (error) {
        receiver.close()
        throw error
      }
    },
  }
}

class NodeMulticastGroup implements MulticastGroup {
  readonly #group: Endpoint
  readonly #receiver: Socket
  readonly #interfaces: () => readonly Interface[] | undefined
  /** One for each interface, by its address. */
  readonly #senders = new Map<string, Socket>()
  #networks: readonly Subnet[] = []
  #closed: Promise<void> | undefined

  constructor(group: Endpoint, receiver: Socket, interfaces: () => readonly Interface[] | undefined) {
    this.#group = group
    this.#receiver = receiver
    this.#interfaces = interfaces
  }

  get hasInterface(): boolean {
    return this.#senders.size > 0
  }

  /**
   * Whether an address is in a network that this machine is in, too (as libtorrent): who is elsewhere had to have it routed
   * here, or wrote to us alone.
   */
  isNear(host: string): boolean {
    const address = parseIp(host)
    return address !== undefined && this.#networks.some((network) => subnetContains(network, address))
  }

  send(datagram: Uint8Array): void {
    // Laptops move from one network to the next.
    void this.look().then(() => {
      const { host, port } = this.#group
      for (const sender of this.#senders.values()) sender.send(datagram, port, host, () => {})
    })
  }

  /** Takes part by interfaces that are new, and forgets those that are gone, if they can be told now. Never rejects. */
  async look(): Promise<void> {
    const present = this.#interfaces()
    if (present === undefined) return
    this.#networks = present.flatMap(({ networks }) => networks.map(parseSubnet)).filter((one) => one !== undefined)
    for (const [address, sender] of this.#senders) {
      if (present.some((one) => one.address === address)) continue
      this.#senders.delete(address)
      sender.close()
    }
    await Promise.all(present.map((one) => this.#take(one)))
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#receiver, ...this.#senders.values()].map(closed)).then(() => {})
    this.#senders.clear()
    return this.#closed
  }

  /** An interface that can't do it is left out. */
  async #take({ address, name }: Interface): Promise<void> {
    if (this.#senders.has(address)) return
    const sender = createSocket(familyOf(address))
    try {
      await bind(sender, 0, address)
      sender.setMulticastInterface(name)
      sender.setMulticastTTL(TTL)
      sender.setMulticastLoopback(true)
      if (this.#closed !== undefined || this.#senders.has(address)) throw new Error("not needed any more")
      this.#join(name)
      this.#senders.set(address, sender)
    } catch {
      sender.close()
    }
  }

  #join(name: string): void {
    try {
      this.#receiver.addMembership(this.#group.host, name)
    } catch (error) {
      // It came back with another address.
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error
    }
  }
}

/** One address of each interface that leads anywhere; where there is none but this machine itself, that. */
function interfaces(family: Family): Interface[] | undefined {
  const present = networkInterfaces()
  if (present === undefined) return undefined
  const found: (Interface & { readonly internal: boolean })[] = []
  for (const [name, addresses] of Object.entries(present)) {
    const usable = addresses.filter((one) => one.family === `IPv${family}` && !isLinkLocal(one.address))
    if (usable[0] === undefined) continue
    const { address, internal } = usable[0]
    const networks = usable.flatMap(({ cidr }) => cidr ?? []).map(networkOf)
    found.push({ address, internal, name: family === 4 ? address : `::%${name}`, networks })
  }
  const outer = found.filter(({ internal }) => !internal)
  return (outer.length > 0 ? outer : found).slice(0, MAX_INTERFACES)
}

/** DHCPv6 gives addresses alone, and Windows tells others so, too: their network is a /64 all the same (as libtorrent). */
function networkOf(cidr: string): string {
  return cidr.includes(":") ? cidr.replace(/\/128$/, "/64") : cidr
}

function createSocket(family: Family): Socket {
  return process.getBuiltinModule("node:dgram").createSocket({
    type: family === 4 ? "udp4" : "udp6",
    ipv6Only: family === 6,
    // Others on this machine listen there, too.
    reuseAddr: true,
    lookup: (address, _options, callback) => callback(null, address, family),
  })
}

function bind(socket: Socket, port: number, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject)
    socket.bind({ port, ...(address === undefined ? {} : { address }) }, () => {
      socket.off("error", reject)
      // Errors of single datagrams are losses like any other.
      socket.on("error", () => {})
      resolve()
    })
  })
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.close(() => resolve())
  })
}
