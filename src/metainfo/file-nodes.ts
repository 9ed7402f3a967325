import { toHex } from "../bytes/hex.js"
import { sameBytes } from "../bytes/same-bytes.js"
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
  /**
   * Files longer than a piece → the layers of their trees, from the nodes of the pieces up to below the root. Those above
   * the pieces are as much again; they are kept because any peer may ask for them, and making them anew costs far more than asking.
   */
  readonly #layers = new Map<number, readonly Uint8Array[]>()
  readonly #pieceHeight: number
  #byRoot: Map<string, number> | undefined
  #missing: number

  constructor(layout: TorrentLayout, roots: readonly (Uint8Array | undefined)[]) {
    this.#layout = layout
    this.#pieceHeight = heightOver(layout.blocksPerPiece)
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
    return this.#layers.get(file)?.[0]
  }

  /** What a piece should hash to; undefined when it is not known. */
  node(piece: number): Uint8Array | undefined {
    const offset = this.#layout.pieceOffset(piece)
    const file = this.#layout.fileAt(offset)
    if (!this.needsLayer(file)) return this.roots[file]
    const at = ((offset - this.#layout.files[file]!.offset) / this.#layout.pieceLength) * HASH_LENGTH
    return this.layer(file)?.subarray(at, at + HASH_LENGTH)
  }

  /**
   * The node of a file's tree at a height from that of the pieces up to below the root; zeros' beyond the file's end.
   * Undefined when it is not known.
   */
  at(file: number, height: number, index: number, sha256: Sha256): Uint8Array | undefined {
    const layer = this.#layers.get(file)?.[height - this.#pieceHeight]
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
    const layers: Uint8Array[] = []
    let nodes = layer
    for (let height = this.#pieceHeight; nodes.length > HASH_LENGTH; height++) {
      layers.push(nodes)
      nodes = layerAbove(nodes, height, sha256)
    }
    if (!sameBytes(this.roots[file]!, nodes)) return false
    if (!this.#layers.has(file)) this.#missing--
    this.#layers.set(file, layers)
    return true
  }
}
