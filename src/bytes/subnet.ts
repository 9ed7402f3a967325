import { parseIp } from "./ip.js"

/** Addresses that begin with the same bits. */
export interface Subnet {
  /** 4 or 16 bytes. */
  readonly network: Uint8Array
  readonly bits: number
}

/** `10.0.0.0/8`, or an address alone; undefined when it is not one. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = "", bits, ...more] = text.split("/")
  const network = parseIp(address)
  if (network === undefined || more.length > 0) return undefined
  if (bits === undefined) return { network, bits: 8 * network.length }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= 8 * network.length ? { network, bits: Number(bits) } : undefined
}

/** Whether an address of 4 or 16 bytes is in the subnet. */
export function subnetContains({ network, bits }: Subnet, address: Uint8Array): boolean {
  if (network.length !== address.length) return false
  const whole = bits >> 3
  for (let at = 0; at < whole; at++) if (network[at] !== address[at]) return false
  const mask = (0xff00 >> (bits & 7)) & 0xff
  return (bits & 7) === 0 || ((network[whole]! ^ address[whole]!) & mask) === 0
}
