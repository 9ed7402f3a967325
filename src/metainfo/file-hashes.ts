import type { TorrentLayout } from "./layout.js"
import { HASH_LENGTH, heightOver, rootOver, type Sha256 } from "./merkle.js"

/** A file's hashes by BEP 52. */
export interface FileHashes {
  /** The root of its hash tree: the same for the same bytes, in whatever torrent. */
  readonly root: Uint8Array
  /** The layer of the tree with one hash for each piece; empty for a file of one piece, whose hash is the root. */
  readonly layer: Uint8Array
}

/** The hashes of each file, from those of the pieces, 32 bytes each. Undefined for padding and empty files. */
export function fileHashes(layout: TorrentLayout, pieceHashes: Uint8Array, sha256: Sha256): (FileHashes | undefined)[] {
  return layout.files.map((file, index) => {
    if (file.padding || file.length === 0) return undefined
    const { first, end } = layout.piecesOfFile(index)
    const hashes = pieceHashes.slice(first * HASH_LENGTH, end * HASH_LENGTH)
    if (end - first === 1) return { root: hashes, layer: new Uint8Array(0) }
    return { root: rootOverPieces(hashes, layout.blocksPerPiece, sha256), layer: hashes }
  })
}

/** The root of the tree of a file that is longer than a piece, from its layer of pieces. */
export function rootOverPieces(layer: Uint8Array, blocksPerPiece: number, sha256: Sha256): Uint8Array {
  const height = heightOver(blocksPerPiece)
  return rootOver(layer, height, height + heightOver(layer.length / HASH_LENGTH), sha256)
}
