import { type HashRequest, uncleCount } from "../../metainfo/hash-request.js"
import { HASH_LENGTH } from "../../metainfo/merkle.js"

/** A host gets all hashes of the pieces so often in a window, with their proofs; what it asks beyond that is refused. */
const COPIES = 4
/** The least it gets in a window, bytes: leaves, and small torrents. */
const LEAST = 256 << 10
/** ms */
const WINDOW = 60_000
/** Reads of whole pieces for their leaves, of one host in a window: one is needed for each piece that came to it spoiled. */
const READS = 30

interface Given {
  bytes: number
  reads: number
}

/**
 * How many hashes each host may have of us: nobody can keep us hashing and reading by asking, nor by connecting again.
 */
export class HashQuota {
  readonly #most: number
  /** In this window. */
  readonly #given = new Map<string, Given>()
  /** Clock time when the window began, ms. */
  #since = Number.NEGATIVE_INFINITY

  constructor(pieceCount: number) {
    this.#most = Math.max(LEAST, COPIES * pieceCount * HASH_LENGTH)
  }

  /** Counts a request. False: it is beyond what the host gets. `reads`: it takes a read of a piece. */
  allows(host: string, request: HashRequest, reads: boolean, now: number): boolean {
    if (now - this.#since >= WINDOW) {
      this.#given.clear()
      this.#since = now
    }
    const given = this.#given.get(host) ?? { bytes: 0, reads: 0 }
    this.#given.set(host, given)
    given.bytes += sizeOf(request)
    if (reads) given.reads++
    return given.bytes <= this.#most && given.reads <= READS
  }
}

/** Bytes of the answer. */
export function sizeOf(request: HashRequest): number {
  return (request.length + uncleCount(request)) * HASH_LENGTH
}
