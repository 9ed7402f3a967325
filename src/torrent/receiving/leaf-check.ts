import type { FileNodes } from "../../metainfo/file-nodes.js"
import { type HashRequest, leadsTo, MAX_HASHES } from "../../metainfo/hash-request.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import { HASH_LENGTH, heightOver, LEAF_LENGTH, leafCount, type Sha256 } from "../../metainfo/merkle.js"
import type { Hasher } from "../../ports/hasher.js"
import type { PeerSource } from "../peer-source.js"
import type { Intake } from "./intake.js"

export interface LeafCheckOptions {
  readonly layout: TorrentLayout
  readonly nodes: FileNodes
  readonly hasher: Pick<Hasher, "digest">
  readonly intake: Pick<Intake, "isSuspect" | "compareLeaves">
  readonly peers: () => Iterable<PeerSource>
}

/**
 * Finds out who spoiled a piece of several givers, without waiting for the good piece: peers are asked for the hashes of
 * its blocks (BEP 52), which are believed when they lead to the piece's own.
 */
export class LeafCheck {
  readonly #options: LeafCheckOptions
  readonly #sha256: Sha256

  constructor(options: LeafCheckOptions) {
    this.#options = options
    this.#sha256 = (data) => options.hasher.digest("sha256", data)
  }

  /** The piece did not hash right. */
  rejected(piece: number): void {
    if (!this.#options.intake.isSuspect(piece)) return
    const request = this.#requestFor(piece)
    if (request === undefined) return
    for (const { session } of this.#options.peers()) {
      if (session.pieces?.has(piece) === true && session.askHashes(request)) return
    }
  }

  /** A peer answered. */
  answered(request: HashRequest, hashes: Uint8Array | undefined): void {
    const { layout, nodes, intake } = this.#options
    const file = nodes.fileOf(request.root)
    if (file === undefined || hashes === undefined) return
    const piece = layout.piecesOfFile(file).first + Math.floor(request.index / layout.blocksPerPiece)
    const node = nodes.node(piece)
    if (node === undefined || !leadsTo(node, request, hashes, this.#sha256)) return
    // A last block that goes on with padding was kept with it.
    const content = layout.contentSize(piece)
    const whole = content === layout.pieceSize(piece) ? leafCount(content) : Math.floor(content / LEAF_LENGTH)
    intake.compareLeaves(piece, hashes.subarray(0, whole * HASH_LENGTH))
  }

  /** All leaves of a piece; undefined for pieces of more than can be asked for at a time. */
  #requestFor(piece: number): HashRequest | undefined {
    const { layout, nodes } = this.#options
    const file = layout.fileAt(layout.pieceOffset(piece))
    const root = nodes.roots[file]
    const length = nodes.needsLayer(file)
      ? layout.blocksPerPiece
      : 2 ** heightOver(leafCount(layout.files[file]!.length))
    if (root === undefined || length < 2 || length > MAX_HASHES) return undefined
    const index = (piece - layout.piecesOfFile(file).first) * length
    return { root, base: 0, index, length, proofLayers: 0 }
  }
}
