import { parseIp } from "../bytes/ip.js"

/** Whoever has one address has many beside it: a /16, or a /48 of IPv6, counts once (the networks of BEP 40). */
export function networkOf(host: string): string {
  const bytes = parseIp(host)
  return bytes === undefined ? host : bytes.subarray(0, bytes.length === 4 ? 2 : 6).join(".")
}
