import { AtError, abortError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { PieceStore } from "../storage/piece-store.js"

/**
 * The torrent's bytes from `offset` on, from disk; undefined when a piece of them is not there (any more).
 *
 * @throws AtError `AT_ABORTED`, and what the store's read throws
 */
export async function readVerified(
  store: PieceStore,
  layout: TorrentLayout,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const piece of piecesWithin(layout, offset, length)) if (!store.have.has(piece)) return undefined
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    if (signal?.aborted) throw abortError(signal.reason)
    const piece = Math.floor((offset + at) / layout.pieceLength)
    const begin = offset + at - layout.pieceOffset(piece)
    const take = Math.min(layout.pieceSize(piece) - begin, length - at)
    try {
      await store.read(piece, begin, bytes.subarray(at, at + take))
    } catch (error) {
      if (error instanceof AtError && error.code === "AT_CORRUPT" && !store.have.has(piece)) return undefined
      throw error
    }
    at += take
  }
  return bytes
}

/** The pieces in which these bytes lie. */
export function piecesWithin(layout: TorrentLayout, offset: number, length: number): number[] {
  const first = Math.floor(offset / layout.pieceLength)
  const last = Math.floor((offset + length - 1) / layout.pieceLength)
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
