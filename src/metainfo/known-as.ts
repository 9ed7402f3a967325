import { toHex } from "../bytes/hex.js"
import type { Metainfo } from "./metainfo.js"

/** The infohash that people know a torrent by: 40 hex digits, or the 64 of one that is v2 alone. */
export function knownAs({ version, infoHash, infoHashV2 }: Metainfo): string {
  return toHex(version === "v2" ? infoHashV2! : infoHash)
}
