import { parseIp } from "../bytes/ip.js"

/**
 * The network of an address: its /16, or its /48 in IPv6 (those of BEP 40). Where opinions are counted, a network has one
 * voice, because whoever has an address often has many beside it.
 */
export function networkOf(host: string): string {
  const bytes = parseIp(host)
  return bytes === undefined ? host : bytes.subarray(0, bytes.length === 4 ? 2 : 6).join(".")
}
