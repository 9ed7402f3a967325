import { crc32c } from "../../bytes/crc32.js"
import { parseIp } from "../../bytes/ip.js"
import type { Endpoint } from "../../ports/net.js"

/**
 * How much a connection between the two is worth to a swarm, 0 to 2^32 - 1 (BEP 40, canonical peer priority): both arrive at
 * the same number, and none can choose it, so that nobody's connections can all be taken by a few. Undefined when they
 * can't be connected: addresses of two families, or none.
 */
export function peerPriority(ours: Endpoint, theirs: Endpoint): number | undefined {
  const a = parseIp(ours.host)
  const b = parseIp(theirs.host)
  if (a === undefined || b === undefined || a.length !== b.length) return undefined
  const shared = a.findIndex((byte, at) => byte !== b[at])
  if (shared === -1) return ofPair(portBytes(ours.port), portBytes(theirs.port))
  // Neighbours are told apart by one byte more than they share; of strangers a network counts, and half of what is behind.
  const network = a.length === 4 ? 2 : 6
  const whole = shared < network ? network : shared + 1
  const mask = (byte: number, at: number): number => (at < whole ? byte : byte & 0x55)
  return ofPair(a.map(mask), b.map(mask))
}

function ofPair(a: Uint8Array, b: Uint8Array): number {
  const [first, second] = isBefore(a, b) ? [a, b] : [b, a]
  return crc32c(Uint8Array.of(...first, ...second))
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at !== -1 && a[at]! < b[at]!
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff)
}
