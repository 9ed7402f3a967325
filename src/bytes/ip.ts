/**
 * How far an IP address reaches, as far as we treat addresses differently.
 *
 * `refused` is where neither a peer nor a tracker ever is: 0/8, multicast, broadcast and reserved, link-local, and the
 * metadata services of clouds.
 */
export type IpScope = "public" | "private" | "loopback" | "refused"

/** The two kinds of addresses. */
export type Family = 4 | 6

/** Where clouds keep their machines' secrets, as far as it is not link-local. */
export const METADATA_SERVICES: ReadonlySet<string> = new Set([
  "100.100.100.200", // Alibaba
  "168.63.129.16", // Azure
  "192.0.0.192", // Oracle
  "fd00:ec2::254", // Amazon
  "fd20:ce::254", // Google
])

/** An IP address in text as 4 or 16 bytes; undefined when it is not one. Zone identifiers (`%eth0`) are not taken. */
export function parseIp(text: string): Uint8Array | undefined {
  return familyOf(text) === 6 ? parseIpv6(text) : parseIpv4(text)
}

/** Of an address in text. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4
}

/**
 * 4 or 16 bytes in the canonical text form (RFC 5952), so that two texts of one address are equal. An IPv4 address
 * inside an IPv6 one (`::ffff:a.b.c.d`) becomes the IPv4 address.
 */
export function formatIp(bytes: Uint8Array): string {
  const plain = unmapped(bytes)
  return plain.length === 4 ? plain.join(".") : formatIpv6(plain)
}

/** The scope of an address of 4 or 16 bytes. */
export function ipScope(bytes: Uint8Array): IpScope {
  const plain = unmapped(bytes)
  if (plain.length === 4) return ipv4Scope(plain)
  const first = plain[0]!
  const second = plain[1]!
  if (isZero(plain, 0, 15)) return plain[15] === 1 ? "loopback" : "refused"
  // 64:ff9b::/96 (RFC 6052) leads to the IPv4 address in its end.
  if (first === 0 && second === 0x64 && plain[2] === 0xff && plain[3] === 0x9b && isZero(plain, 4, 12)) {
    return ipv4Scope(plain.subarray(12))
  }
  if (first === 0xff || (first === 0xfe && (second & 0xc0) === 0x80)) return "refused"
  if (METADATA_SERVICES.has(formatIpv6(plain))) return "refused"
  if ((first & 0xfe) === 0xfc || (first === 0xfe && (second & 0xc0) === 0xc0)) return "private"
  return "public"
}

/**
 * What one customer of a provider holds, as a text that is the same for all of it: an address, or in public IPv6 the whole
 * /64 around it, from which the customer may choose (RFC 6177). `host` is an address; a name stands for itself.
 */
export function holdingOf(host: string): string {
  const address = familyOf(host) === 6 ? parseIp(host) : undefined
  if (address === undefined || ipScope(address) !== "public" || unmapped(address).length === 4) return host
  return `${address.subarray(0, 8).join(".")}/64`
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".")
  if (parts.length !== 4 || text.length > 15) return undefined
  const bytes = new Uint8Array(4)
  for (const [at, part] of parts.entries()) {
    // A leading zero is octal to some and decimal to others.
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[at] = Number(part)
  }
  return bytes
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const head = groups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1]!, true) : []
  if (head === undefined || tail === undefined) return undefined
  const given = head.length + tail.length
  if (halves.length === 1 ? given !== 16 : given > 14) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

/** The bytes of groups between colons; the last may be an IPv4 address when it ends the whole. */
function groups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return []
  const bytes: number[] = []
  const parts = text.split(":")
  for (const [at, part] of parts.entries()) {
    if (part.includes(".") && atEnd && at === parts.length - 1) {
      const embedded = parseIpv4(part)
      if (embedded === undefined) return undefined
      bytes.push(...embedded)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    }
  }
  return bytes
}

function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!)
  let start = 0
  let length = 0
  for (let at = 0; at < 8; at++) {
    let end = at
    while (end < 8 && words[end] === 0) end++
    if (end - at > length) {
      start = at
      length = end - at
    }
  }
  const text = (part: number[]): string => part.map((word) => word.toString(16)).join(":")
  // RFC 5952, 4.2.2: a single zero group is not shortened.
  return length < 2 ? text(words) : `${text(words.slice(0, start))}::${text(words.slice(start + length))}`
}

function ipv4Scope(bytes: Uint8Array): IpScope {
  const [a, b, c, d] = [bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!]
  if (a === 0 || a >= 224 || (a === 169 && b === 254)) return "refused"
  if (METADATA_SERVICES.has(`${a}.${b}.${c}.${d}`)) return "refused"
  if (a === 127) return "loopback"
  if (a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168)) return "private"
  return a === 100 && (b & 0xc0) === 64 ? "private" : "public"
}

function unmapped(bytes: Uint8Array): Uint8Array {
  const mapped = bytes.length === 16 && isZero(bytes, 0, 10) && bytes[10] === 0xff && bytes[11] === 0xff
  return mapped ? bytes.subarray(12) : bytes
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
