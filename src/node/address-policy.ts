import type { BlockList } from "node:net"

/**
 * What an address is to us. `public`: anywhere on the internet. `local`: this machine or a private network.
 * `forbidden`: nothing that a torrent may lead to, whoever names it.
 */
export type AddressClass = "public" | "local" | "forbidden"

/** Link-local, multicast and reserved addresses, and where clouds keep their machines' secrets. */
const FORBIDDEN = [
  "169.254.0.0/16", // RFC 3927; the metadata service of most clouds
  "224.0.0.0/4",
  "240.0.0.0/4",
  "100.100.100.200/32", // Alibaba's metadata service
  "168.63.129.16/32", // Azure's
  "192.0.0.192/32", // Oracle's
  "fe80::/10",
  "ff00::/8",
  "fd00:ec2::254/128", // Amazon's
  "fd20:ce::254/128", // Google's
]

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
]

/** Names under which clouds offer their machines' secrets. */
const FORBIDDEN_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
])

/** Names of this machine and of private networks (RFC 6761, RFC 6762, RFC 8375, and custom). */
const LOCAL_SUFFIXES = [".localhost", ".local", ".lan", ".internal", ".home.arpa"]

let lists: { readonly forbidden: BlockList; readonly local: BlockList } | undefined

/** The class of an IP address in its usual form. IPv6 addresses that carry an IPv4 one are judged by that. */
export function classifyAddress(address: string): AddressClass {
  const plain = carriedIpv4(address) ?? address
  const version = isIp(plain)
  if (version === 0) return "forbidden"
  const family = version === 4 ? "ipv4" : "ipv6"
  lists ??= { forbidden: blockList(FORBIDDEN), local: blockList(LOCAL) }
  if (lists.forbidden.check(plain, family)) return "forbidden"
  return lists.local.check(plain, family) ? "local" : "public"
}

/** The class of a URL's host name, which may be an address (an IPv6 one with or without brackets). */
export function classifyHost(hostname: string): AddressClass {
  const name = hostname
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[(.*)\]$/, "$1")
  if (isIp(name) !== 0) return classifyAddress(name)
  if (name === "" || FORBIDDEN_NAMES.has(name)) return "forbidden"
  if (!name.includes(".") || LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix))) return "local"
  return "public"
}

/** Whether a connection to an address of class `address` may be made for a host of class `host`. */
export function mayConnect(host: AddressClass, address: AddressClass): boolean {
  if (host === "forbidden" || address === "forbidden") return false
  return host === "local" || address === "public"
}

/** Whether a host of class `from` may redirect to one of class `to`. */
export function mayRedirect(from: AddressClass, to: AddressClass): boolean {
  return from === "local" ? to !== "forbidden" : to === "public"
}

/** The IPv4 address inside a mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) or 6to4 (2002::/16) IPv6 address. */
function carriedIpv4(address: string): string | undefined {
  if (isIp(address) !== 6) return undefined
  const groups = ipv6Groups(address)
  if (groups[0] === 0x2002) return dotted(groups[1]!, groups[2]!)
  const prefix = groups.slice(0, 6).join(",")
  const carries = prefix === "0,0,0,0,0,65535" || prefix === "100,65435,0,0,0,0"
  return carries ? dotted(groups[6]!, groups[7]!) : undefined
}

/** The eight 16-bit groups of a valid IPv6 address. */
function ipv6Groups(address: string): number[] {
  // The URL parser writes it in one form: hexadecimal groups with one `::` at most.
  const text = new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1)
  const [head = "", tail] = text.split("::")
  const parse = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16))
  const before = parse(head)
  const after = parse(tail ?? "")
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new (netModule().BlockList)()
  for (const subnet of subnets) {
    const [network = "", bits] = subnet.split("/")
    list.addSubnet(network, Number(bits), isIp(network) === 4 ? "ipv4" : "ipv6")
  }
  return list
}

/** 4, 6, or 0 when it is no address. */
function isIp(text: string): number {
  return netModule().isIP(text)
}

// Loaded when first needed: it takes milliseconds that a short command feels.
function netModule() {
  return process.getBuiltinModule("node:net")
}
