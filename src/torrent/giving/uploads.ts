import type { PeerSession } from "../../peer/peer-session.js"
import type { Log } from "../../ports/log.js"
import type { RateLimit } from "../rate-limit.js"
import type { PieceCache } from "./piece-cache.js"

/** Bytes given to a connection ahead of the network: keeps it busy for 10 ms at 50 MB/s. */
const SEND_AHEAD = 512 * 1024
/** So many of a peer's requests are read from the disk at a time: slow disks answer many as fast as one. */
const READ_AHEAD = 64

interface Request {
  readonly piece: number
  readonly begin: number
  readonly length: number
}

/** The peer, as far as giving goes. */
type Receiver = Pick<PeerSession, "reject" | "sendBlock" | "sendBacklog">

interface Queue {
  readonly requests: Request[]
  reading: boolean
}

/**
 * The upload half: answers peers' requests in the order they came, as fast as the connection and the limit take them.
 * How many a peer may have waiting is for its connection to bound.
 */
export class Uploads {
  readonly #cache: PieceCache
  readonly #limit: RateLimit
  readonly #log: Log
  readonly #queues = new Map<Receiver, Queue>()
  readonly #onOpen = (): void => this.serveAll()
  /** Payload bytes sent. */
  uploaded = 0

  constructor(options: { cache: PieceCache; limit: RateLimit; log: Log }) {
    this.#cache = options.cache
    this.#limit = options.limit
    this.#log = options.log
  }

  /** Some request is not answered yet. */
  get waiting(): boolean {
    for (const { requests } of this.#queues.values()) if (requests.length > 0) return true
    return false
  }

  request(peer: Receiver, piece: number, begin: number, length: number): void {
    let queue = this.#queues.get(peer)
    if (queue === undefined) {
      queue = { requests: [], reading: false }
      this.#queues.set(peer, queue)
    }
    if (queue.requests.length < READ_AHEAD) this.#cache.warm(piece, begin)
    queue.requests.push({ piece, begin, length })
    this.serve(peer)
  }

  cancel(peer: Receiver, piece: number, begin: number, length: number): void {
    const requests = this.#queues.get(peer)?.requests
    const at = requests?.findIndex((r) => r.piece === piece && r.begin === begin && r.length === length) ?? -1
    if (requests === undefined || at < 0) return
    requests.splice(at, 1)
    peer.reject(piece, begin, length)
  }

  /** The peer was choked: what it asked for is refused (BEP 6) or forgotten. */
  choked(peer: Receiver): void {
    const queue = this.#queues.get(peer)
    for (const { piece, begin, length } of queue?.requests.splice(0) ?? []) peer.reject(piece, begin, length)
  }

  /** The piece is not there any more: whoever waits for some of it is refused (BEP 54). */
  lost(piece: number): void {
    for (const [peer, { requests }] of this.#queues) {
      const refused = requests.filter((request) => request.piece === piece)
      if (refused.length === 0) continue
      requests.splice(0, Infinity, ...requests.filter((request) => request.piece !== piece))
      for (const { begin, length } of refused) peer.reject(piece, begin, length)
    }
  }

  forget(peer: Receiver): void {
    this.#queues.get(peer)?.requests.splice(0)
    this.#queues.delete(peer)
  }

  /** The connection or the limit may take more. */
  serve(peer: Receiver): void {
    const queue = this.#queues.get(peer)
    if (queue === undefined || queue.reading) return
    this.#serve(peer, queue).catch((error: unknown) => {
      this.#log.log("warn", "upload", `reading for a peer failed: ${String(error)}`)
    })
  }

  /** Serves nobody any more. */
  close(): void {
    this.#limit.forget(this.#onOpen)
    for (const peer of [...this.#queues.keys()]) this.forget(peer)
  }

  /** The limit may have opened. */
  serveAll(): void {
    for (const [peer, queue] of [...this.#queues]) {
      if (!this.#limit.open) return
      if (queue.requests.length > 0) this.serve(peer)
    }
  }

  /** Whoever got the last that the limit let through comes last when it opens again. */
  #comesLast(peer: Receiver, queue: Queue): void {
    if (!this.#queues.delete(peer)) return
    this.#queues.set(peer, queue)
  }

  async #serve(peer: Receiver, queue: Queue): Promise<void> {
    queue.reading = true
    try {
      while (this.#limit.open && peer.sendBacklog < SEND_AHEAD) {
        const request = queue.requests.shift()
        if (request === undefined) return
        const { piece, begin, length } = request
        const ahead = queue.requests[READ_AHEAD - 1]
        if (ahead !== undefined) this.#cache.warm(ahead.piece, ahead.begin)
        let loan = this.#cache.peek(piece, begin, length)
        if (loan === undefined) {
          try {
            loan = await this.#cache.get(piece, begin, length)
          } catch (error) {
            peer.reject(piece, begin, length)
            throw error
          }
          if (!this.#queues.has(peer)) {
            loan.giveBack()
            return
          }
        }
        // It may have been taken back while it was read.
        if (!peer.sendBlock(piece, begin, loan.bytes, loan.giveBack)) continue
        this.#limit.take(length)
        this.uploaded += length
        if (!this.#limit.open) this.#comesLast(peer, queue)
      }
      if (!this.#limit.open && queue.requests.length > 0) this.#limit.whenOpen(this.#onOpen)
    } finally {
      queue.reading = false
    }
  }
}
