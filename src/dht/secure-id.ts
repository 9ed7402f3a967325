import { crc32c } from "../bytes/crc32.js"
import { ipScope } from "../bytes/ip-scope.js"
import { ID_LENGTH } from "./node-id.js"

/** Which bits of an address count (BEP 42): of IPv6 its first half. */
const MASK_4 = [0x03, 0x0f, 0x3f, 0xff]
const MASK_6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff]

/** An id that a node at this address may have (BEP 42). `random` is 20 bytes. */
export function secureId(address: Uint8Array, random: Uint8Array): Uint8Array {
  const id = random.slice(0, ID_LENGTH)
  const prefix = addressPrefix(address, id[ID_LENGTH - 1]!)
  id[0] = prefix >>> 24
  id[1] = prefix >>> 16
  id[2] = ((prefix >>> 8) & 0xf8) | (id[2]! & 0x07)
  return id
}

/**
 * Whether the id belongs to a node at this address (4 or 16 bytes). Addresses that are not public are exempt: what they
 * are seen as from outside is not known (BEP 42).
 */
export function isSecureId(id: Uint8Array, address: Uint8Array): boolean {
  if (ipScope(address) !== "public") return true
  const prefix = addressPrefix(address, id[ID_LENGTH - 1]!)
  const found = (id[0]! << 24) | (id[1]! << 16) | (id[2]! << 8)
  return ((found ^ prefix) & 0xfffff800) === 0
}

/** The number whose first 21 bits an id must begin with. */
function addressPrefix(address: Uint8Array, seed: number): number {
  const mask = address.length === 4 ? MASK_4 : MASK_6
  const masked = Uint8Array.from(mask, (bits, i) => address[i]! & bits)
  masked[0]! |= (seed & 0x07) << 5
  return crc32c(masked)
}
