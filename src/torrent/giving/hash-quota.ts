import { type HashRequest, uncleCount } from "../../metainfo/hash-request.js"
import { HASH_LENGTH } from "../../metainfo/merkle.js"

/** A peer gets all hashes of the pieces so often in a window, with their proofs; what it asks beyond that is refused. */
const COPIES = 4
/** The least it gets in a window, bytes: leaves, and small torrents. */
const LEAST = 256 << 10
/** ms */
const WINDOW = 60_000
/** Reads of whole pieces for their leaves, of one peer in a window: one is needed for each piece that came to it spoiled. */
const READS = 30

interface Given {
  since: number
  bytes: number
  reads: number
}

/** How many hashes each peer may have of us: nobody can keep us hashing and reading by asking. */
export class HashQuota<Peer> {
  readonly #most: number
  readonly #given = new Map<Peer, Given>()

  constructor(pieceCount: number) {
    this.#most = Math.max(LEAST, COPIES * pieceCount * HASH_LENGTH)
  }

  /** Counts a request. False: it is beyond what the peer gets. `reads`: it takes a read of a piece. */
  allows(peer: Peer, request: HashRequest, reads: boolean, now: number): boolean {
    let given = this.#given.get(peer)
    if (given === undefined || now - given.since >= WINDOW) {
      given = { since: now, bytes: 0, reads: 0 }
      this.#given.set(peer, given)
    }
    given.bytes += sizeOf(request)
    if (reads) given.reads++
    return given.bytes <= this.#most && given.reads <= READS
  }

  forget(peer: Peer): void {
    this.#given.delete(peer)
  }
}

/** Bytes of the answer. */
export function sizeOf(request: HashRequest): number {
  return (request.length + uncleCount(request)) * HASH_LENGTH
}
