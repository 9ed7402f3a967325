import type { Multicast, MulticastGroup } from "../../../src/ports/multicast.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { addressFamily, canonicalAddress, networkError } from "./addresses.js"
import { carryDatagram, MAX_DATAGRAM } from "./virtual-datagram.js"
import type { VirtualHost, VirtualNetwork } from "./virtual-network.js"

type OnMessage = (datagram: Uint8Array, from: Endpoint) => void

/** Who takes part in a group. */
export interface GroupMember {
  readonly host: VirtualHost
  readonly onMessage: OnMessage
}

/** Multicast of one process on a virtual host. Its neighbours are the hosts in its /24, or /64. */
export class VirtualMulticast implements Multicast {
  readonly #network: VirtualNetwork
  readonly #host: VirtualHost

  constructor(network: VirtualNetwork, host: VirtualHost) {
    this.#network = network
    this.#host = host
  }

  async join(group: Endpoint, onMessage: OnMessage): Promise<MulticastGroup> {
    const host = this.#host
    const local = host.addressTowards(group.host)
    if (local === undefined) throw networkError("ENODEV", `no interface for ${group.host}`)
    const members = this.#network.group(`${canonicalAddress(group.host)} ${group.port}`)
    const member: GroupMember = { host, onMessage }
    const leave = (): void => {
      members.delete(member)
    }
    members.add(member)
    host.onReset.add(leave)
    const port = host.freePort(() => false)
    return {
      send: (datagram) => {
        if (!members.has(member) || datagram.length > MAX_DATAGRAM) return
        const bytes = datagram.slice()
        for (const one of members) {
          const theirs = one.host.addressTowards(group.host)
          if (theirs === undefined || networkOf(theirs) !== networkOf(local)) continue
          carryDatagram(this.#network, { from: host, to: one.host, length: bytes.length }, () => {
            if (members.has(one)) one.onMessage(bytes.slice(), { host: canonicalAddress(local), port })
          })
        }
      },
      close: async () => leave(),
    }
  }
}

/** The part of an address that neighbours share. */
function networkOf(address: string): string {
  if (addressFamily(address) === 4) return address.split(".").slice(0, 3).join(".")
  const [head = "", tail] = canonicalAddress(address).split("::")
  const words = head.split(":").filter((word) => word !== "")
  if (tail !== undefined) while (words.length < 4) words.push("0")
  return words.slice(0, 4).join(":")
}
