import { toHex } from "../bytes/hex.js"
import { sameBytes } from "../bytes/same-bytes.js"
import { rootOverPieces } from "./file-hashes.js"
import { MAX_HASHES, nodeOf } from "./hash-request.js"
import type { TorrentLayout } from "./layout.js"
import { HASH_LENGTH, heightOver, layerAbove, rootOver, type Sha256, zeroRoot } from "./merkle.js"

/** Trees are kept from so many heights above the pieces on: below, a node is soon made of what one answer holds. */
const PART_HEIGHT = Math.log2(MAX_HASHES)
/** Bytes of the hashes below a node of that height. */
const PART_LENGTH = MAX_HASHES * HASH_LENGTH

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
  /** The upper layers of the trees, a 256th of those: for files that somebody asked about. */
  readonly #tops = new Map<number, Uint8Array[]>()
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
   * not known. Low nodes are made anew each time, of less than {@link MAX_HASHES} hashes; those above are kept from
   * {@link prepare} on, which the first call for one does at once.
   */
  at(file: number, height: number, index: number, sha256: Sha256): Uint8Array | undefined {
    const layer = this.#layers.get(file)
    if (layer === undefined) return undefined
    const above = height - this.#pieceHeight
    if (above < PART_HEIGHT || layer.length <= PART_LENGTH) {
      const start = index * 2 ** above * HASH_LENGTH
      const part = layer.subarray(start, start + 2 ** above * HASH_LENGTH)
      return part.length === 0 ? zeroRoot(height, sha256) : rootOver(part, this.#pieceHeight, height, sha256)
    }
    for (const _ of this.prepare(file, sha256));
    const kept = this.#tops.get(file)?.[above - PART_HEIGHT]
    return kept && nodeOf(kept, height, index, sha256)
  }

  /** Makes the upper nodes of a file's tree, if it has any and they are not there: in steps of some milliseconds. */
  *prepare(file: number, sha256: Sha256): Generator<void> {
    const layer = this.#layers.get(file)
    if (layer === undefined || layer.length <= PART_LENGTH || this.#tops.has(file)) return
    const height = this.#pieceHeight + PART_HEIGHT
    let nodes: Uint8Array = new Uint8Array(Math.ceil(layer.length / PART_LENGTH) * HASH_LENGTH)
    for (let at = 0, to = 0; at < layer.length; at += PART_LENGTH, to += HASH_LENGTH) {
      nodes.set(rootOver(layer.subarray(at, at + PART_LENGTH), this.#pieceHeight, height, sha256), to)
      yield
    }
    const tops = [nodes]
    for (let above = height; nodes.length > HASH_LENGTH; above++) {
      nodes = layerAbove(nodes, above, sha256)
      tops.push(nodes)
    }
    this.#tops.set(file, tops)
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
    if (!sameBytes(this.roots[file]!, root)) return false
    if (!this.#layers.has(file)) this.#missing--
    this.#layers.set(file, layer)
    return true
  }
}
