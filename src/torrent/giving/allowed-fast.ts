import type { Bitfield } from "../../bytes/bitfield.js"
import { parseIp } from "../../bytes/ip.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import type { PeerSession } from "../../peer/peer-session.js"
import type { Hasher } from "../../ports/hasher.js"

/** Pieces that a peer may have while we choke it (BEP 6) */
const MAX_PIECES = 10
/** and bytes, as long as that is a piece or more: ten pieces can be gigabytes. */
const MAX_BYTES = 8 << 20

/** Allows a newcomer the pieces that BEP 6 names for its address, as far as we have them. */
export function allowFastPieces(
  session: PeerSession,
  options: { infoHash: Uint8Array; layout: TorrentLayout; hasher: Pick<Hasher, "digest">; have: Bitfield },
): void {
  if (!session.fast) return
  const { infoHash, layout, hasher, have } = options
  const { pieceLength, pieceCount } = layout
  const count = Math.max(1, Math.min(MAX_PIECES, Math.floor(MAX_BYTES / pieceLength)))
  const sha1 = (data: Uint8Array): Uint8Array => hasher.digest("sha1", data)
  const pieces = allowedFastSet(sha1, { infoHash, host: session.remote.host, pieceCount, count })
  for (const piece of pieces) if (have.has(piece)) session.uploader.allowFast(piece)
}

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
