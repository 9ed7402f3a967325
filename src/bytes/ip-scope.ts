import { familyOf, parseIp } from "./ip.js"
import { parseSubnet, subnetContains } from "./subnet.js"

/**
 * How far an IP address reaches, as far as we treat addresses differently.
 *
 * `refused` is where neither a peer nor a tracker ever is: 0/8, multicast, broadcast and reserved, link-local, and the
 * metadata services of clouds.
 */
export type IpScope = "public" | "private" | "loopback" | "refused"

/**
 * All that isn't public (RFC 6890); the first that holds an address decides.
 *
 * 198.18.0.0/15 (RFC 2544) is no network's own, and left out: many proxies (Clash, sing-box, Surge) answer every name with an
 * address of it, and connect to the name themselves when that is dialled.
 */
const SCOPES = (
  [
    // Where clouds keep their machines' secrets, as far as it is not link-local: Alibaba, Azure, Oracle, Amazon, Google.
    ["refused", ["100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"]],
    ["refused", ["169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8", "0.0.0.0/8", "::"]],
    ["loopback", ["127.0.0.0/8", "::1"]],
    // RFC 1918, RFC 6598
    ["private", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"]],
    // RFC 4193; RFC 8215; abandoned: addresses of a site, and those that carried IPv4.
    ["private", ["fc00::/7", "64:ff9b:1::/48", "fec0::/10", "::/96"]],
  ] as const
).flatMap(([scope, subnets]) => subnets.map((text) => ({ scope, subnet: subnet(text) })))

/** IPv6 addresses whose last four bytes are an IPv4 address: mapped (RFC 4291), and NAT64 (RFC 6052). */
const CARRIERS = ["::ffff:0:0/96", "64:ff9b::/96"].map(subnet)
/** Here they are the third to the sixth (RFC 3056). */
const SIX_TO_FOUR = subnet("2002::/16")

/** The scope of an address of 4 or 16 bytes. An IPv6 address that carries an IPv4 one has that one's. */
export function ipScope(bytes: Uint8Array): IpScope {
  const plain = subnetContains(SIX_TO_FOUR, bytes) ? bytes.subarray(2, 6) : (carriedIpv4(bytes) ?? bytes)
  return SCOPES.find(({ subnet }) => subnetContains(subnet, plain))?.scope ?? "public"
}

/**
 * What one customer of a provider holds, as a text that is the same for all of it: an address, or in public IPv6 the whole
 * /64 around it, from which the customer may choose (RFC 6177). `host` is an address; a name stands for itself.
 */
export function holdingOf(host: string): string {
  const address = familyOf(host) === 6 ? parseIp(host) : undefined
  if (address === undefined || ipScope(address) !== "public" || carriedIpv4(address) !== undefined) return host
  return `${address.subarray(0, 8).join(".")}/64`
}

function carriedIpv4(address: Uint8Array): Uint8Array | undefined {
  return CARRIERS.some((one) => subnetContains(one, address)) ? address.subarray(12) : undefined
}

function subnet(text: string) {
  return parseSubnet(text)!
}
