import { abortError } from "../errors.js"
import type { DataFiles } from "./data-files.js"
import { hashOnDisk } from "./disk-hashing.js"
import type { CheckOptions, StoreParts } from "./parts.js"
import { digestingOf, isExpected } from "./piece-digests.js"

/** `right`: as the torrent has it. `unreadable`: bytes of it are missing, or the disk refuses them. */
export type PieceFound = "right" | "wrong" | "unreadable"

/** Hashes pieces (ascending) where they stand, and says of each how it is. */
export async function checkPieces(
  { platform, metainfo, files }: Pick<StoreParts, "platform" | "metainfo"> & { readonly files: DataFiles },
  pieces: Iterable<number>,
  { signal, onChecking }: CheckOptions,
  onPiece: (piece: number, found: PieceFound) => void,
): Promise<void> {
  if (signal?.aborted === true) throw abortError(signal.reason)
  const all = [...pieces]
  if (all.length === 0) return
  const total = metainfo.layout.dataSizeOf(all)
  let done = 0
  const digesting = digestingOf(metainfo, platform.hasher)
  await hashOnDisk({
    ...digesting,
    pieces: all,
    files,
    read: (offset, into) => files.readSpan(offset, into),
    onPiece: (piece, digest) => {
      if (digest === undefined) onPiece(piece, "unreadable")
      else onPiece(piece, isExpected(metainfo, digesting, piece, digest) ? "right" : "wrong")
    },
    onProgress: (bytes) => {
      done += bytes
      onChecking?.(done, total)
    },
    signal,
  })
}
