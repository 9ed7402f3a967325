import { toHex } from "../bytes/hex.js"
import { rootOverPieces } from "./file-hashes.js"
import { nodeOf } from "./hash-request.js"
import type { TorrentLayout } from "./layout.js"
import { HASH_LENGTH, heightOver, layerAbove, type Sha256 } from "./merkle.js"

/**
 * What a torrent's pieces should hash to by BEP 52: each has a node in its file's hash tree. The roots of the trees are in
 * `info`; the layers with the nodes come beside it, and are believed when they lead to the root.
 */
export class FileNodes {
  /** Of each of the layout's files; undefined for empty files and padding. */
  readonly roots: readonly (Uint8Array | undefined)[]
  readonly #layout: TorrentLayout
  /** Files longer than a piece → the nodes of their pieces. */
  readonly #layers = new Map<number, Uint8Array>()
  /** All layers above those, for files that somebody asked about. */
  readonly #trees = new Map<number, Uint8Array[]>()
  #byRoot: Map<string, number> | undefined
  #missing: number

  constructor(layout: TorrentLayout, roots: readonly (Uint8Array | undefined)[]) {
    this.#layout = layout
    this.roots = roots
    this.#missing = roots.reduce((count, _, file) => count + (this.needsLayer(file) ? 1 : 0), 0)
  }

  /** What every piece should hash to is known. */
  get complete(): boolean {
    return this.#missing === 0
  }

  /** A file of one piece has its node for a root. */
  needsLayer(file: number): boolean {
    return this.roots[file] !== undefined && this.#layout.files[file]!.length > this.#layout.pieceLength
  }

  /** The nodes of a file's pieces, 32 bytes each; undefined when there are none, or they are not known. */
  layer(file: number): Uint8Array | undefined {
    return this.#layers.get(file)
  }

  /** What a piece should hash to; undefined when it is not known. */
  node(piece: number): Uint8Array | undefined {
    const offset = this.#layout.pieceOffset(piece)
    const file = this.#layout.fileAt(offset)
    if (!this.needsLayer(file)) return this.roots[file]
    const at = ((offset - this.#layout.files[file]!.offset) / this.#layout.pieceLength) * HASH_LENGTH
    return this.#layers.get(file)?.subarray(at, at + HASH_LENGTH)
  }

  /**
   * The node of a file's tree at a height from that of the pieces up; zeros' beyond the file's end. Undefined when it is
   * not known. The first call for a file makes its tree, and keeps it: whoever asks for one node asks for others.
   */
  at(file: number, height: number, index: number, sha256: Sha256): Uint8Array | undefined {
    const pieceHeight = heightOver(this.#layout.blocksPerPiece)
    let tree = this.#trees.get(file)
    if (tree === undefined) {
      let layer = this.#layers.get(file)
      if (layer === undefined) return undefined
      tree = [layer]
      for (let above = pieceHeight; layer.length > HASH_LENGTH; above++) {
        layer = layerAbove(layer, above, sha256)
        tree.push(layer)
      }
      this.#trees.set(file, tree)
    }
    const layer = tree[height - pieceHeight]
    return layer && nodeOf(layer, height, index, sha256)
  }

  /** The file with that root; any of them, if there are several. */
  fileOf(root: Uint8Array): number | undefined {
    if (this.#byRoot === undefined) {
      this.#byRoot = new Map()
      for (const [file, known] of this.roots.entries()) if (known !== undefined) this.#byRoot.set(toHex(known), file)
    }
    return this.#byRoot.get(toHex(root))
  }

  /** Takes a file's layer, which belongs to the nodes from here on. False when it is not the file's. */
  add(file: number, layer: Uint8Array, sha256: Sha256): boolean {
    if (!this.needsLayer(file)) return false
    const { length } = this.#layout.files[file]!
    if (layer.length !== Math.ceil(length / this.#layout.pieceLength) * HASH_LENGTH) return false
    const root = rootOverPieces(layer, this.#layout.blocksPerPiece, sha256)
    if (!this.roots[file]!.every((byte, at) => byte === root[at])) return false
    if (!this.#layers.has(file)) this.#missing--
    this.#layers.set(file, layer)
    return true
  }
}
