import { encodeUtf8 } from "../bytes/text.js"
import { type BencodeInput, Encoded, encode } from "./bencode.js"
import type { DraftFile, TorrentDraft } from "./torrent-draft.js"
import { fileTreeOf, pieceLayersOf } from "./write-file-tree.js"

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
  return compareBytes(encodeUtf8(a.join("/")), encodeUtf8(b.join("/")))
}

/** The order in which files stand in a tree (BEP 52): by the bytes of one element after the other. */
export function compareTreePaths(a: readonly string[], b: readonly string[]): number {
  const common = Math.min(a.length, b.length)
  for (let at = 0; at < common; at++) {
    const order = compareBytes(encodeUtf8(a[at]!), encodeUtf8(b[at]!))
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const common = Math.min(left.length, right.length)
  for (let at = 0; at < common; at++) if (left[at] !== right[at]) return left[at]! - right[at]!
  return left.length - right.length
}

/**
 * The files with padding behind each that does not end with a piece, as BEP 52 asks of a hybrid: behind the last one too,
 * which libtorrent does since 2.0.8. A single file needs none.
 */
export function padFiles(files: readonly DraftFile[], pieceLength: number): DraftFile[] {
  return files.flatMap((file): DraftFile[] => {
    const beyond = file.length % pieceLength
    if (beyond === 0 || files.length === 1) return [file]
    const length = pieceLength - beyond
    return [file, { path: [".pad", String(length)], length, padding: true }]
  })
}

/**
 * The bytes of a .torrent (BEP 3, BEP 52 or both) and of its `info`, whose digest is the infohash. The same draft gives
 * the same bytes; `info` has nothing but what these and BEP 27 and 47 name, so the infohash is the one other creators
 * compute.
 */
export function createTorrent(draft: TorrentDraft): { torrent: Uint8Array; info: Uint8Array } {
  const { pieceHashes, fileHashes } = draft
  const info = encode({
    ...(pieceHashes === undefined ? {} : v1Content(draft)),
    "file tree": fileHashes && fileTreeOf(draft, fileHashes),
    "meta version": fileHashes && 2,
    name: draft.name,
    "piece length": draft.pieceLength,
    pieces: pieceHashes,
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
    "piece layers": fileHashes && pieceLayersOf(fileHashes),
    "url-list": webSeeds.length > 0 ? webSeeds : undefined,
  })
  return { torrent, info }
}

function v1Content(draft: TorrentDraft): Record<string, BencodeInput> {
  if (draft.kind === "file") return { length: draft.files[0]?.length ?? 0 }
  return {
    files: draft.files.map(({ path, length, padding = false }) =>
      padding ? { attr: "p", length, path } : { length, path },
    ),
  }
}
