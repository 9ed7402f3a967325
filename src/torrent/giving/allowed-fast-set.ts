import { parseIp } from "../../bytes/ip.js"

/**
 * The allowed fast set (BEP 6): the pieces that we give to the peer at `host` even while we choke it, so that it has
 * something to trade. The same for all peers of one /24 network. Empty for IPv6, for which the BEP has no rule.
 */
export function allowedFastSet(
  sha1: (data: Uint8Array) => Uint8Array,
  options: { infoHash: Uint8Array; host: string; pieceCount: number; count: number },
): number[] {
  const address = parseIp(options.host)
  if (address === undefined || address.length !== 4) return []
  const count = Math.min(options.count, options.pieceCount)
  const pieces = new Set<number>()
  let digest = new Uint8Array(24)
  digest.set(address.subarray(0, 3))
  digest.set(options.infoHash, 4)
  while (pieces.size < count) {
    digest = new Uint8Array(sha1(digest))
    const view = new DataView(digest.buffer)
    for (let at = 0; at < 20 && pieces.size < count; at += 4) pieces.add(view.getUint32(at) % options.pieceCount)
  }
  return [...pieces]
}
