import type { Bitfield } from "../../bytes/bitfield.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import type { PeerSession } from "../../peer/peer-session.js"
import type { Hasher } from "../../ports/hasher.js"
import { allowedFastSet } from "./allowed-fast-set.js"

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
