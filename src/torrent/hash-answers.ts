import type { Bitfield } from "../bytes/bitfield.js"
import type { FileNodes } from "../metainfo/file-nodes.js"
import { answerTo, type HashRequest, isAnswerable, nodeOf } from "../metainfo/hash-request.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import { heightOver, LEAF_LENGTH, layerAbove, leafCount, type Sha256 } from "../metainfo/merkle.js"
import type { PeerSession } from "../peer/peer-session.js"
import type { Hasher } from "../ports/hasher.js"
import type { Log } from "../ports/log.js"

/** Pieces read for their leaves at a time: each costs a read of the whole piece for a few bytes of question. */
const MAX_READS = 2

/** Who asks. */
type Asker = Pick<PeerSession, "sendHashes" | "amChoking">

export interface HashAnswersOptions {
  readonly layout: TorrentLayout
  readonly nodes: FileNodes
  readonly hasher: Hasher
  readonly have: Bitfield
  readonly read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  readonly log: Log
}

/** Answers what peers ask of the files' hash trees (BEP 52). */
export class HashAnswers {
  readonly #o: HashAnswersOptions
  readonly #pieceHeight: number
  readonly #sha256: Sha256
  #reads = 0

  constructor(options: HashAnswersOptions) {
    this.#o = options
    this.#pieceHeight = heightOver(options.layout.blocksPerPiece)
    this.#sha256 = (data) => options.hasher.digest("sha256", data)
  }

  answer(peer: Asker, request: HashRequest): void {
    const { nodes, layout } = this.#o
    const file = nodes.fileOf(request.root)
    const blocks = file === undefined ? 0 : leafCount(layout.files[file]!.length)
    if (file === undefined || !isAnswerable(request, heightOver(blocks))) {
      peer.sendHashes(request, undefined)
    } else if (request.base >= this.#pieceHeight) {
      const node = (height: number, index: number) => nodes.at(file, height, index, this.#sha256)
      peer.sendHashes(request, answerTo(request, node))
    } else {
      this.#answerBelow(peer, request, file).catch((error: unknown) => {
        peer.sendHashes(request, undefined)
        this.#o.log.log("debug", "peer", `hashes can't be given: ${String(error)}`)
      })
    }
  }

  /** What stands below the nodes of pieces is kept nowhere: the piece is hashed again. */
  async #answerBelow(peer: Asker, request: HashRequest, file: number): Promise<void> {
    const { layout, nodes, have } = this.#o
    const inFile = Math.floor((request.index * 2 ** request.base) / layout.blocksPerPiece)
    const { first, end } = layout.piecesOfFile(file)
    const piece = first + inFile
    const within = request.length * 2 ** request.base <= layout.blocksPerPiece && piece < end
    if (!within || !have.has(piece) || peer.amChoking || this.#reads >= MAX_READS) {
      peer.sendHashes(request, undefined)
      return
    }
    const tree = await this.#treeOf(piece)
    peer.sendHashes(
      request,
      answerTo(request, (height, index) => {
        const layer = tree[height]
        const before = inFile * 2 ** (this.#pieceHeight - height)
        if (height < this.#pieceHeight || !nodes.needsLayer(file)) {
          return layer && nodeOf(layer, height, index - before, this.#sha256)
        }
        return nodes.at(file, height, index, this.#sha256)
      }),
    )
  }

  /** The layers of a piece's tree, from its leaves up. */
  async #treeOf(piece: number): Promise<Uint8Array[]> {
    const { layout, hasher, read } = this.#o
    this.#reads++
    try {
      const bytes = new Uint8Array(new SharedArrayBuffer(layout.contentSize(piece)))
      await read(piece, 0, bytes)
      const blocks = Array.from({ length: leafCount(bytes.length) }, (_, i) =>
        bytes.subarray(i * LEAF_LENGTH, (i + 1) * LEAF_LENGTH),
      )
      const tree = [await hasher.hashPieces("sha256", blocks)]
      for (let height = 0; height < this.#pieceHeight; height++)
        tree.push(layerAbove(tree[height]!, height, this.#sha256))
      return tree
    } finally {
      this.#reads--
    }
  }
}
