import type { FileHashes } from "../../metainfo/file-hashes.js"
import type { FileNodes } from "../../metainfo/file-nodes.js"
import { type HashRequest, leadsTo, MAX_HASHES } from "../../metainfo/hash-request.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import { HASH_LENGTH, heightOver, leafCount, type Sha256 } from "../../metainfo/merkle.js"

/** The layer of one hash tree, cut into parts. */
interface Layer {
  readonly root: Uint8Array
  /** The number of its first part. */
  readonly first: number
  /** Hashes: one for each piece of the file. */
  readonly length: number
  /** Of the tree. */
  readonly height: number
  /** Undefined until some of it came. */
  hashes: Uint8Array | undefined
}

/**
 * The piece layers that a torrent lacks (BEP 52), as parts of as many hashes as may be asked for at a time. A part is a
 * number; what comes for it is kept only when it leads to the root of its file, which the infohash vouches for.
 */
export class LayerParts {
  /** Parts. */
  readonly count: number
  /** All layers together, once they are there. */
  readonly bytes: number
  /** By their first parts, in order. Files with the same content have one layer. */
  readonly #layers: Layer[] = []
  readonly #pieceHeight: number

  constructor(layout: TorrentLayout, nodes: FileNodes) {
    this.#pieceHeight = heightOver(layout.blocksPerPiece)
    let first = 0
    let pieces = 0
    for (const [file, root] of nodes.roots.entries()) {
      if (root === undefined || !nodes.needsLayer(file) || nodes.fileOf(root) !== file) continue
      const size = layout.files[file]!.length
      const length = Math.ceil(size / layout.pieceLength)
      this.#layers.push({ root, first, length, height: heightOver(leafCount(size)), hashes: undefined })
      first += Math.ceil(length / MAX_HASHES)
      pieces += length
    }
    this.count = first
    this.bytes = pieces * HASH_LENGTH
  }

  /** How a part is asked for: with all that is needed to prove it. */
  request(part: number): HashRequest {
    const { root, first, length, height } = this.#layerOf(part)
    const index = (part - first) * MAX_HASHES
    const base = this.#pieceHeight
    return {
      root,
      base,
      index,
      // BEP 52 wants two at least.
      length: Math.min(MAX_HASHES, Math.max(2, 2 ** heightOver(length - index))),
      proofLayers: height - base - 1,
    }
  }

  /** Takes the answer to the request for a part; the bytes are copied. False when it does not lead to the file's root. */
  take(part: number, hashes: Uint8Array, sha256: Sha256): boolean {
    const layer = this.#layerOf(part)
    const request = this.request(part)
    if (!leadsTo(layer.root, request, hashes, sha256)) return false
    layer.hashes ??= new Uint8Array(layer.length * HASH_LENGTH)
    const count = Math.min(request.length, layer.length - request.index)
    layer.hashes.set(hashes.subarray(0, count * HASH_LENGTH), request.index * HASH_LENGTH)
    return true
  }

  /** The layers. To be asked for when all parts are there. */
  join(): FileHashes[] {
    return this.#layers.map(({ root, hashes = new Uint8Array(0) }) => ({ root, layer: hashes }))
  }

  #layerOf(part: number): Layer {
    let low = 0
    let high = this.#layers.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.#layers[middle]!.first <= part) low = middle
      else high = middle - 1
    }
    return this.#layers[low]!
  }
}
