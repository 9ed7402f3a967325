import { fromBase32 } from "../bytes/base32.js"
import { fromHex } from "../bytes/hex.js"

/** What a torrent is known by: SHA-1 (v1, 20 bytes) or SHA-256 (v2, 32 bytes) of its `info`. */
export interface InfoHash {
  readonly version: 1 | 2
  readonly bytes: Uint8Array
}

/**
 * Reads an infohash as users and magnet links write it: 40 hexadecimal digits or 32 of base32 for v1, 64 hexadecimal
 * digits for v2, in either case. Undefined when it is none of these.
 */
export function parseInfoHash(text: string): InfoHash | undefined {
  if (text.length === 40) return infoHash(1, fromHex(text))
  if (text.length === 32) return infoHash(1, fromBase32(text))
  if (text.length === 64) return infoHash(2, fromHex(text))
  return undefined
}

function infoHash(version: 1 | 2, bytes: Uint8Array | undefined): InfoHash | undefined {
  return bytes === undefined ? undefined : { version, bytes }
}
