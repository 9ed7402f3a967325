import { endpointKey } from "../bytes/endpoint-key.js"
import { type Family, familyOf, formatIp, parseIp } from "../bytes/ip.js"
import { holdingOf, ipScope } from "../bytes/ip-scope.js"
import type { Endpoint } from "../ports/net.js"
import { ID_LENGTH } from "./node-id.js"

/** A node of the DHT: who it says it is, and where. */
export interface Contact extends Endpoint {
  readonly id: Uint8Array
}

/** Bytes of an address and a port (BEP 5, 32). */
export function endpointLength(family: Family): number {
  return family === 4 ? 6 : 18
}

/** Address and port in compact form: 6 or 18 bytes. `host` is an address. */
export function encodeEndpoint({ host, port }: Endpoint): Uint8Array {
  const address = parseIp(host) ?? new Uint8Array(4)
  return Uint8Array.of(...address, port >> 8, port & 0xff)
}

/**
 * Reads a compact address and port; undefined when the length is neither IPv4's nor IPv6's, or nobody can be there: port
 * 0, multicast, link-local and the like.
 */
export function decodeEndpoint(bytes: Uint8Array): Endpoint | undefined {
  if (bytes.length !== 6 && bytes.length !== 18) return undefined
  const address = bytes.subarray(0, -2)
  const port = (bytes.at(-2)! << 8) | bytes.at(-1)!
  // An IPv4 address in an IPv6 one is of the wrong network.
  if (port === 0 || ipScope(address) === "refused" || endpointLength(familyOf(formatIp(address))) !== bytes.length)
    return undefined
  return { host: formatIp(address), port }
}

/** Compact node info, one behind the other: 26 or 38 bytes each (BEP 5, 32). */
export function encodeContacts(contacts: readonly Contact[], family: Family): Uint8Array {
  const stride = ID_LENGTH + endpointLength(family)
  const bytes = new Uint8Array(contacts.length * stride)
  for (const [i, contact] of contacts.entries()) {
    bytes.set(contact.id, i * stride)
    bytes.set(encodeEndpoint(contact), i * stride + ID_LENGTH)
  }
  return bytes
}

/** The nodes of a compact list, copies; those who can't be there are left out, and a rest at the end. */
export function decodeContacts(bytes: Uint8Array, family: Family): Contact[] {
  const stride = ID_LENGTH + endpointLength(family)
  const contacts: Contact[] = []
  for (let at = 0; at + stride <= bytes.length; at += stride) {
    const endpoint = decodeEndpoint(bytes.subarray(at + ID_LENGTH, at + stride))
    if (endpoint !== undefined) contacts.push({ id: bytes.slice(at, at + ID_LENGTH), ...endpoint })
  }
  return contacts
}

/** An address that anybody may have from afar; others only tell each other of theirs. */
export function isPublic(host: string): boolean {
  const address = parseIp(host)
  return address !== undefined && ipScope(address) === "public"
}

/**
 * Whether a node at `other` may send us to `host`, or hear of it from us: one from outside may not send us about our own
 * network, and is told nothing of it.
 */
export function mayPointTo(other: string, host: string): boolean {
  return isPublic(host) || !isPublic(other)
}

/**
 * Whom limits count an endpoint for. On the internet that is whoever holds the address: another port costs nothing, nor does
 * another address of the same /64. In a lab many nodes share a machine or a gateway, so each endpoint counts alone.
 */
export function ownerOf(endpoint: Endpoint): string {
  return isPublic(endpoint.host) ? holdingOf(endpoint.host) : endpointKey(endpoint)
}
