import { toHex } from "../bytes/hex.js"
import type { Metainfo } from "./metainfo.js"

/** The infohash that people know a torrent by: 40 hex digits, or the 64 of one that is v2 alone. */
export function knownAs(metainfo: Metainfo): string {
  return toHex(wholeInfoHash(metainfo))
}

/** The same in bytes: 20, or 32. */
export function wholeInfoHash({ version, infoHash, infoHashV2 }: Metainfo): Uint8Array {
  return version === "v2" ? infoHashV2! : infoHash
}
