/** The polynomial of Ethernet, gzip and PNG (0x04C11DB7), reflected. */
const table = tableOf(0xedb88320)
/** That of Castagnoli (0x1EDC6F41), reflected. */
const castagnoli = tableOf(0x82f63b78)

/**
 * CRC-32 as gzip and PNG compute it, 0 to 2^32 - 1. It finds accidents, not forgeries.
 * `previous` is the CRC of what came before, for data in parts.
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** CRC-32C as iSCSI (RFC 3720, B.4) computes it, 0 to 2^32 - 1. */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) crc = castagnoli[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function tableOf(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, index) => {
    let crc = index
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    return crc
  })
}
