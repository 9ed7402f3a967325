import type { TorrentLayout } from "../metainfo/layout.js"
import { HASH_LENGTH, heightOver, leafCount, rootOver, type Sha256 } from "../metainfo/merkle.js"
import type { Metainfo, TorrentVersion } from "../metainfo/metainfo.js"
import type { FilePart, Hasher } from "../ports/hasher.js"

/** Bytes of a SHA-1. */
export const SHA1_LENGTH = 20

/** Bytes of a piece's digest: its SHA-1 (BEP 3), its node in its file's hash tree (BEP 52), or the one behind the other. */
export const DIGEST_LENGTH: Readonly<Record<TorrentVersion, number>> = {
  v1: SHA1_LENGTH,
  v2: HASH_LENGTH,
  hybrid: SHA1_LENGTH + HASH_LENGTH,
}

/** What the digests of a torrent's pieces are. */
export interface Digesting {
  readonly hasher: Hasher
  readonly layout: TorrentLayout
  readonly version: TorrentVersion
}

/** How a torrent's pieces are digested: those of a hybrid by v1 alone until all its v2 hashes are known. */
export function digestingOf({ layout, version, fileNodes }: Metainfo, hasher: Hasher): Digesting {
  return { hasher, layout, version: version === "hybrid" && !fileNodes!.complete ? "v1" : version }
}

/** Whether the `index`-th of the digests, which lie one behind the other, is the one that the piece should have. */
export function isExpected(
  metainfo: Metainfo,
  { version }: Digesting,
  piece: number,
  digests: Uint8Array,
  index = 0,
): boolean {
  const { pieceHashes, fileNodes } = metainfo
  const size = DIGEST_LENGTH[version]
  const sha1 = version === "v2" ? 0 : SHA1_LENGTH
  const start = size * index
  for (let i = 0; i < sha1; i++) if (digests[start + i] !== pieceHashes[SHA1_LENGTH * piece + i]) return false
  if (version === "v1") return true
  const node = fileNodes?.node(piece)
  if (node === undefined) return false
  for (let i = 0; i < HASH_LENGTH; i++) if (digests[start + sha1 + i] !== node[i]) return false
  return true
}

/** The digests, one behind the other, of whole pieces that lie in shared memory. */
export async function digestPieces(
  digesting: Digesting,
  pieces: readonly number[],
  bytes: readonly Uint8Array[],
): Promise<Uint8Array> {
  const { hasher, layout, version } = digesting
  if (version === "v1") return hasher.hashPieces("sha1", bytes)
  const contents = bytes.map((piece, i) => piece.subarray(0, layout.contentSize(pieces[i]!)))
  const roots = hasher.hashPieces("merkle", contents).then((lowest) => toPieceLayer(digesting, pieces, lowest))
  if (version === "v2") return roots
  return interleave(...(await Promise.all([hasher.hashPieces("sha1", bytes), roots])))
}

/** The same for neighbouring pieces that lie in `parts`; undefined when the hasher can't read them. */
export async function digestParts(
  digesting: Digesting,
  pieces: readonly number[],
  parts: readonly FilePart[],
): Promise<Uint8Array | undefined> {
  const { hasher, layout, version } = digesting
  if (version === "v1") return hasher.hashFiles("sha1", parts, layout.pieceLength)
  const roots = hasher
    .hashFiles("merkle", parts, layout.pieceLength)
    .then((lowest) => lowest && toPieceLayer(digesting, pieces, lowest))
  if (version === "v2") return roots
  const [sha1s, nodes] = await Promise.all([hasher.hashFiles("sha1", parts, layout.pieceLength), roots])
  return sha1s && nodes && interleave(sha1s, nodes)
}

/** The lowest trees over pieces, raised to where BEP 52 compares them: all of a file's pieces stand under one layer. */
function toPieceLayer({ hasher, layout }: Digesting, pieces: readonly number[], roots: Uint8Array): Uint8Array {
  const sha256: Sha256 = (data) => hasher.digest("sha256", data)
  const layer = heightOver(layout.blocksPerPiece)
  for (const [i, piece] of pieces.entries()) {
    const size = layout.contentSize(piece)
    const height = heightOver(leafCount(size))
    if (height === layer || layout.files[layout.fileAt(layout.pieceOffset(piece))]!.length === size) continue
    const at = i * HASH_LENGTH
    roots.set(rootOver(roots.subarray(at, at + HASH_LENGTH), height, layer, sha256), at)
  }
  return roots
}

function interleave(sha1s: Uint8Array, roots: Uint8Array): Uint8Array {
  const size = DIGEST_LENGTH.hybrid
  const digests = new Uint8Array(sha1s.length + roots.length)
  for (let i = 0; i * SHA1_LENGTH < sha1s.length; i++) {
    digests.set(sha1s.subarray(i * SHA1_LENGTH, (i + 1) * SHA1_LENGTH), i * size)
    digests.set(roots.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH), i * size + SHA1_LENGTH)
  }
  return digests
}
