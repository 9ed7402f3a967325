import type { Bitfield } from "../../bytes/bitfield.js"
import type { FileNodes } from "../../metainfo/file-nodes.js"
import { answerTo, type HashRequest, isAnswerable, nodeOf } from "../../metainfo/hash-request.js"
import type { TorrentLayout } from "../../metainfo/layout.js"
import { heightOver, leafCount, type Sha256 } from "../../metainfo/merkle.js"
import type { PeerSession } from "../../peer/peer-session.js"
import type { Clock } from "../../ports/clock.js"
import type { Hasher } from "../../ports/hasher.js"
import type { Log } from "../../ports/log.js"
import type { RateLimit } from "../rate-limit.js"
import { HashQuota, sizeOf } from "./hash-quota.js"
import { pieceTree } from "./piece-tree.js"

/** Pieces read for their leaves at a time: each costs a read of the whole piece for a few bytes of question. */
const MAX_READS = 2
/** More may wait for their turn, of all peers together. */
const MAX_WAITING = 16
/** Nothing more goes to a connection that has so many bytes waiting. */
const MAX_BACKLOG = 1 << 20

/** Who asks. */
type Asker = Pick<PeerSession, "sendHashes" | "amChoking" | "sendBacklog" | "remote">

export interface HashAnswersOptions {
  readonly layout: TorrentLayout
  readonly nodes: FileNodes
  readonly hasher: Hasher
  readonly clock: Clock
  /** Hashes count as uploads. */
  readonly limit: Pick<RateLimit, "take">
  readonly have: Bitfield
  readonly read: (piece: number, begin: number, into: Uint8Array) => Promise<void>
  readonly log: Log
}

/**
 * Answers what peers ask of the files' hash trees (BEP 52), within a quota for each host, choked or not; leaves, for which a piece
 * is read, only to those we do not choke.
 */
export class HashAnswers {
  readonly #options: HashAnswersOptions
  readonly #pieceHeight: number
  readonly #sha256: Sha256
  readonly #quota: HashQuota
  #reads = 0
  /** Whose turn to read has not come. */
  readonly #waiting: (() => void)[] = []

  constructor(options: HashAnswersOptions) {
    this.#options = options
    this.#pieceHeight = heightOver(options.layout.blocksPerPiece)
    this.#sha256 = (data) => options.hasher.digest("sha256", data)
    this.#quota = new HashQuota(options.layout.pieceCount)
  }

  answer(peer: Asker, request: HashRequest): void {
    const { nodes, layout, clock, log } = this.#options
    const file = nodes.fileOf(request.root)
    const blocks = file === undefined ? 0 : leafCount(layout.files[file]!.length)
    const fits = file !== undefined && isAnswerable(request, heightOver(blocks)) && peer.sendBacklog <= MAX_BACKLOG
    const below = request.base < this.#pieceHeight
    if (!fits || !this.#quota.allows(peer.remote.host, request, below, clock.now())) {
      peer.sendHashes(request, undefined)
      return
    }
    if (!below) {
      this.#send(peer, request, (height, index) => nodes.at(file, height, index, this.#sha256))
      return
    }
    this.#answerBelow(peer, request, file).catch((error: unknown) => {
      peer.sendHashes(request, undefined)
      log.log("debug", "peer", `hashes can't be given: ${String(error)}`)
    })
  }

  /** What stands below the nodes of pieces is kept nowhere: the piece is hashed again. */
  async #answerBelow(peer: Asker, request: HashRequest, file: number): Promise<void> {
    const { layout, nodes, have } = this.#options
    const inFile = Math.floor((request.index * 2 ** request.base) / layout.blocksPerPiece)
    const { first, end } = layout.piecesOfFile(file)
    const piece = first + inFile
    const within = request.length * 2 ** request.base <= layout.blocksPerPiece && piece < end
    if (!within || !have.has(piece) || peer.amChoking || this.#waiting.length >= MAX_WAITING) {
      peer.sendHashes(request, undefined)
      return
    }
    const tree = await this.#inTurn(() => pieceTree({ ...this.#options, piece, sha256: this.#sha256 }))
    this.#send(peer, request, (height, index) => {
      const layer = tree[height]
      const before = inFile * 2 ** (this.#pieceHeight - height)
      if (height < this.#pieceHeight || !nodes.needsLayer(file)) {
        return layer && nodeOf(layer, height, index - before, this.#sha256)
      }
      return nodes.at(file, height, index, this.#sha256)
    })
  }

  #send(peer: Asker, request: HashRequest, node: (height: number, index: number) => Uint8Array | undefined): void {
    const hashes = answerTo(request, node)
    if (hashes !== undefined) this.#options.limit.take(sizeOf(request))
    peer.sendHashes(request, hashes)
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#reads >= MAX_READS) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#reads++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#reads--
      else next()
    }
  }
}
