/** The two kinds of addresses. */
export type Family = 4 | 6

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

function unmapped(bytes: Uint8Array): Uint8Array {
  const mapped = bytes.length === 16 && isZero(bytes, 0, 10) && bytes[10] === 0xff && bytes[11] === 0xff
  return mapped ? bytes.subarray(12) : bytes
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
