import { METADATA_SERVICES, parseIp } from "./ip.js"
import { parseSubnet, type Subnet, subnetContains } from "./subnet.js"
import { withoutBrackets } from "./url.js"

/**
 * What an address is to us. `public`: anywhere on the internet. `local`: this machine or a private network.
 * `forbidden`: nothing that a torrent may lead to, whoever names it.
 */
export type AddressClass = "public" | "local" | "forbidden"

/** Link-local, multicast and reserved addresses, and where clouds keep their machines' secrets. */
const FORBIDDEN = [
  "169.254.0.0/16", // RFC 3927; the metadata services of most clouds
  "224.0.0.0/4",
  "240.0.0.0/4",
  "fe80::/10",
  "ff00::/8",
  ...METADATA_SERVICES,
].map(subnet)

/** This machine and private networks (RFC 1918, RFC 6598, RFC 4193 and the other special-purpose ones of RFC 6890). */
const LOCAL = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "::/96", // unspecified, loopback, and the abandoned way to carry IPv4
  "64:ff9b:1::/48",
  "fc00::/7",
  "fec0::/10",
].map(subnet)

/** IPv6 addresses whose last four bytes are an IPv4 address: mapped, and NAT64 (RFC 6052). */
const CARRIERS = ["::ffff:0:0/96", "64:ff9b::/96"].map(subnet)
/** Here they are the third to the sixth (RFC 3056). */
const SIX_TO_FOUR = subnet("2002::/16")

/** Names under which clouds offer their machines' secrets. */
const FORBIDDEN_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
])

/** Names kept for use inside a network (RFC 6761, RFC 6762, RFC 8375, and custom). One without a dot is meant so, too. */
const LOCAL_NAME = /\.(localhost|local|lan|internal|home\.arpa)$/

/** The class of an IP address in its usual form. IPv6 addresses that carry an IPv4 one are judged by that. */
export function classifyAddress(address: string): AddressClass {
  const bytes = parseAddress(address)
  if (bytes === undefined) return "forbidden"
  const plain = carriedIpv4(bytes) ?? bytes
  if (FORBIDDEN.some((one) => subnetContains(one, plain))) return "forbidden"
  return LOCAL.some((one) => subnetContains(one, plain)) ? "local" : "public"
}

/** The last host asked about: many small files come from one. */
let last: { readonly hostname: string; readonly host: AddressClass } | undefined

/** The class of a URL's host name, which may be an address (an IPv6 one with or without brackets). */
export function classifyHost(hostname: string): AddressClass {
  if (last?.hostname !== hostname) last = { hostname, host: classify(hostname) }
  return last.host
}

function classify(hostname: string): AddressClass {
  const name = withoutBrackets(hostname.toLowerCase().replace(/\.$/, ""))
  if (parseAddress(name) !== undefined) return classifyAddress(name)
  if (name === "" || FORBIDDEN_NAMES.has(name)) return "forbidden"
  return !name.includes(".") || LOCAL_NAME.test(name) ? "local" : "public"
}

/** Whether a connection to an address of class `address` may be made for a host of class `host`. */
export function mayConnect(host: AddressClass, address: AddressClass): boolean {
  if (host === "forbidden" || address === "forbidden") return false
  return host === "local" || address === "public"
}

/**
 * The class that a host is connected to as. What the user names may be inside whatever its name looks like: in many institutes,
 * public names lead to private addresses.
 */
export function connectedAs(host: AddressClass, namedByUser: boolean): AddressClass {
  return namedByUser && host === "public" ? "local" : host
}

/** Whether a host of class `from` may redirect to one of class `to`. */
export function mayRedirect(from: AddressClass, to: AddressClass): boolean {
  return from === "local" ? to !== "forbidden" : to === "public"
}

/** Why {@link queriesLocalPlace} forbids a URL. */
export const NO_LOCAL_QUERY = "a torrent may not send a query to a local address"

/**
 * Whether a URL would carry a query into the user's own network. Strangers may not name such a one: to many a router,
 * `?action=reboot` is an order. They may name a path alone, for the sake of laboratories.
 */
export function queriesLocalPlace(url: URL): boolean {
  return url.search !== "" && classifyHost(url.hostname) === "local"
}

/** The IPv4 address inside a mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) or 6to4 (2002::/16) IPv6 address. */
function carriedIpv4(address: Uint8Array): Uint8Array | undefined {
  if (subnetContains(SIX_TO_FOUR, address)) return address.subarray(2, 6)
  return CARRIERS.some((one) => subnetContains(one, address)) ? address.subarray(12) : undefined
}

/** With or without the zone (`%eth0`) that says on which of our own interfaces an IPv6 address is. */
function parseAddress(text: string): Uint8Array | undefined {
  return parseIp(text.includes(":") ? text.replace(/%.*$/, "") : text)
}

function subnet(text: string): Subnet {
  return parseSubnet(text)!
}
