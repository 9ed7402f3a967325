import { parseIp } from "../bytes/ip.js"
import { parseSubnet, subnetContains } from "../bytes/subnet.js"
import type { Platform } from "../ports/platform.js"
import { isLinkLocal, networkInterfaces } from "./interfaces.js"

/** See {@link Platform.ownAddresses}. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces() ?? {})
    .flat()
    .filter(({ internal, address }) => !internal && !isLinkLocal(address))
    .map(({ address }) => address)
}

/** Our own IPv4 address in the network of another machine; undefined when we are in none with it. */
export function ownAddressBeside(neighbour: string): string | undefined {
  const target = parseIp(neighbour)
  if (target === undefined) return undefined
  for (const addresses of Object.values(networkInterfaces() ?? {})) {
    for (const { address, cidr } of addresses) {
      const subnet = cidr === null ? undefined : parseSubnet(cidr)
      if (address !== neighbour && subnet !== undefined && subnetContains(subnet, target)) return address
    }
  }
  return undefined
}
