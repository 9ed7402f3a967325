import type { PeerSession } from "../../peer/peer-session.js"
import type { Log } from "../../ports/log.js"
import type { RateLimit } from "../rate-limit.js"
import type { PieceCache } from "./piece-cache.js"
import { ReadCredit } from "./read-credit.js"

/** Bytes given to a connection ahead of the network: keeps it busy for 10 ms at 50 MB/s. */
const SEND_AHEAD = 512 * 1024
/** So many of a peer's requests are read from the disk at a time: slow disks answer many as fast as one. */
const READ_AHEAD = 64
/** What is shorter counts as so many bytes for the limit: a disk reads no less for it. */
const LEAST_COUNTED = 4096

/** A peer's requests, which wait in the order they came. */
type Receiver = Pick<
  PeerSession["uploader"],
  "waiting" | "waitingAt" | "sendBlock" | "reject" | "rejectPiece" | "sendBacklog"
>

/**
 * The upload half: answers peers' requests in the order they came, as fast as the connection and the limit take them.
 * Which wait, and how many a peer may have waiting, is for its uploader to say.
 */
export class Uploads {
  readonly #cache: PieceCache
  readonly #limit: RateLimit
  readonly #log: Log
  /** Those that asked for something, in turn. */
  readonly #peers = new Map<Receiver, ReadCredit>()
  /** Those that something is being read for. */
  readonly #serving = new Set<Receiver>()
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
    for (const { waiting } of this.#peers.keys()) if (waiting > 0) return true
    return false
  }

  /** The peer's latest request is for this. */
  asked(peer: Receiver, piece: number, begin: number): void {
    const credit = this.#peers.get(peer) ?? new ReadCredit()
    this.#peers.set(peer, credit)
    if (peer.waiting <= READ_AHEAD) this.#cache.warm(piece, begin, credit)
    this.serve(peer)
  }

  /** The piece is not there any more: whoever waits for some of it is refused (BEP 54). */
  lost(piece: number): void {
    for (const peer of this.#peers.keys()) peer.rejectPiece(piece)
  }

  forget(peer: Receiver): void {
    this.#peers.delete(peer)
  }

  /** The connection or the limit may take more. */
  serve(peer: Receiver): void {
    const credit = this.#peers.get(peer)
    if (credit === undefined || this.#serving.has(peer)) return
    this.#serve(peer, credit).catch((error: unknown) => {
      this.#log.log("warn", "upload", `reading for a peer failed: ${String(error)}`)
    })
  }

  /** Serves nobody any more. */
  close(): void {
    this.#limit.forget(this.#onOpen)
    this.#peers.clear()
  }

  /** The limit may have opened. */
  serveAll(): void {
    for (const peer of [...this.#peers.keys()]) {
      if (!this.#limit.open) return
      if (peer.waiting > 0) this.serve(peer)
    }
  }

  /** Whoever got the last that the limit let through comes last when it opens again. */
  #comesLast(peer: Receiver, credit: ReadCredit): void {
    if (this.#peers.delete(peer)) this.#peers.set(peer, credit)
  }

  async #serve(peer: Receiver, credit: ReadCredit): Promise<void> {
    this.#serving.add(peer)
    try {
      while (this.#limit.open && peer.sendBacklog < SEND_AHEAD) {
        const request = peer.waitingAt(0)
        if (request === undefined) return
        const { piece, begin, length } = request
        if (credit.abused) {
          peer.reject(piece, begin, length)
          continue
        }
        const ahead = peer.waitingAt(READ_AHEAD - 1)
        if (ahead !== undefined) this.#cache.warm(ahead.piece, ahead.begin, credit)
        let loan = this.#cache.peek(piece, begin, length)
        if (loan === undefined) {
          try {
            loan = await this.#cache.get(piece, begin, length, credit)
          } catch (error) {
            peer.reject(piece, begin, length)
            throw error
          }
        }
        // It may have been taken back while it was read.
        if (!peer.sendBlock(piece, begin, loan.bytes, loan.giveBack)) {
          credit.spend(length)
          continue
        }
        credit.earn(length)
        this.#limit.take(Math.max(length, LEAST_COUNTED))
        this.uploaded += length
        if (!this.#limit.open) this.#comesLast(peer, credit)
      }
      if (!this.#limit.open && peer.waiting > 0) this.#limit.whenOpen(this.#onOpen)
    } finally {
      this.#serving.delete(peer)
    }
  }
}
