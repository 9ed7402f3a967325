import { encodeUtf8 } from "../bytes/text.js"
import { type BencodeInput, Encoded, encode } from "./bencode.js"

/** What a new torrent is made of. */
export interface TorrentDraft {
  readonly name: string
  readonly kind: "file" | "folder"
  /**
   * In torrent order, the order in which the piece hashes run over their bytes: {@link compareFilePaths} gives the usual
   * one. For `kind` `file`: one, whose path is not used.
   */
  readonly files: readonly { readonly path: readonly string[]; readonly length: number }[]
  /** Bytes, 1 or more. */
  readonly pieceLength: number
  /** SHA-1 of each piece, 20 bytes each, one after the other. */
  readonly pieceHashes: Uint8Array
  /** BEP 27: peers come from the trackers alone. Left out of `info` when false, so that it does not change the infohash. */
  readonly private?: boolean
  /** BEP 12: tiers in order. */
  readonly trackers?: readonly (readonly string[])[]
  /** BEP 19. */
  readonly webSeeds?: readonly string[]
  readonly comment?: string
  readonly createdBy?: string
  /** Seconds since 1970. */
  readonly creationDate?: number
}

const MIN_PIECE_LENGTH = 16 << 10
/** What Academic Torrents' own uploader uses for everything; clients hold a whole piece in memory. */
const MAX_PIECE_LENGTH = 32 << 20
/** More make the .torrent and every peer's books larger; fewer make what is fetched, checked and lost at once larger. */
const PIECES_AT_MOST = 2048

/**
 * A piece length for data of `length` bytes: the smallest power of two from 16 KiB to 32 MiB that makes no more than
 * 2,048 pieces, so that there are 1,025 to 2,048 between 16 MiB and 64 GiB.
 */
export function choosePieceLength(length: number): number {
  let pieceLength = MIN_PIECE_LENGTH
  while (pieceLength < MAX_PIECE_LENGTH && length / pieceLength > PIECES_AT_MOST) pieceLength *= 2
  return pieceLength
}

/**
 * The usual order of a torrent's files: by the UTF-8 bytes of their paths, joined with `/`. It does not depend on the
 * machine's language, so the same folder gives the same infohash everywhere.
 */
export function compareFilePaths(a: readonly string[], b: readonly string[]): number {
  const left = encodeUtf8(a.join("/"))
  const right = encodeUtf8(b.join("/"))
  const common = Math.min(left.length, right.length)
  for (let at = 0; at < common; at++) if (left[at] !== right[at]) return left[at]! - right[at]!
  return left.length - right.length
}

/**
 * The bytes of a v1 .torrent (BEP 3) and of its `info`, whose SHA-1 is the infohash. The same draft gives the same bytes;
 * `info` has nothing but what BEP 3 and BEP 27 name, so the infohash is the one other creators compute.
 */
export function createTorrent(draft: TorrentDraft): { torrent: Uint8Array; info: Uint8Array } {
  const content: Record<string, BencodeInput> =
    draft.kind === "file"
      ? { length: draft.files[0]?.length ?? 0 }
      : { files: draft.files.map(({ path, length }) => ({ length, path })) }
  const info = encode({
    ...content,
    name: draft.name,
    "piece length": draft.pieceLength,
    pieces: draft.pieceHashes,
    private: draft.private === true ? 1 : undefined,
  })
  const tiers = (draft.trackers ?? []).filter((tier) => tier.length > 0)
  const several = tiers.length > 1 || (tiers[0]?.length ?? 0) > 1
  const webSeeds = draft.webSeeds ?? []
  const torrent = encode({
    announce: tiers[0]?.[0],
    "announce-list": several ? tiers : undefined,
    comment: draft.comment,
    "created by": draft.createdBy,
    "creation date": draft.creationDate,
    info: new Encoded(info),
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  })
  return { torrent, info }
}
