import type { TorrentLayout } from "../../metainfo/layout.js"
import { HASH_LENGTH, heightOver, LEAF_LENGTH, layerAbove, leafCount, type Sha256 } from "../../metainfo/merkle.js"
import type { Hasher } from "../../ports/hasher.js"

/** Of a piece that is read and hashed at a time, bytes: pieces of 256 MiB exist. */
const STEP = 1 << 20

/** The layers of a piece's hash tree (BEP 52), from its leaves up; the piece is read from the disk. */
export async function pieceTree(options: {
  readonly layout: TorrentLayout
  readonly hasher: Hasher
  readonly read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  readonly piece: number
  readonly sha256: Sha256
}): Promise<Uint8Array[]> {
  const { layout, hasher, read, piece, sha256 } = options
  const size = layout.contentSize(piece)
  const leaves = new Uint8Array(leafCount(size) * HASH_LENGTH)
  const memory = new Uint8Array(new SharedArrayBuffer(Math.min(STEP, size)))
  for (let begin = 0; begin < size; begin += STEP) {
    const bytes = memory.subarray(0, Math.min(STEP, size - begin))
    await read(piece, begin, bytes)
    const blocks = Array.from({ length: leafCount(bytes.length) }, (_, i) =>
      bytes.subarray(i * LEAF_LENGTH, (i + 1) * LEAF_LENGTH),
    )
    leaves.set(await hasher.hashPieces("sha256", blocks), (begin / LEAF_LENGTH) * HASH_LENGTH)
  }
  const tree: Uint8Array[] = [leaves]
  const height = heightOver(layout.blocksPerPiece)
  for (let at = 0; at < height; at++) tree.push(layerAbove(tree[at]!, at, sha256))
  return tree
}
