import { ProtocolError } from "../errors.js"
import { BLOCK_LENGTH, type TorrentLayout } from "../metainfo/layout.js"
import type { Clock } from "../ports/clock.js"
import type { Connection } from "./connection.js"
import { OwnRequests } from "./own-requests.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerLink } from "./peer-link.js"
import type { PeerState } from "./peer-state.js"

/** A block may take so long once it has begun, ms: 140 bytes a second. */
const BLOCK_TIMEOUT = 120_000

/** Asks one peer for blocks: what goes out, what comes of it, and when there is room for more. */
export class Requester<Peer extends PeerState> {
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #clock: Clock
  readonly #layout: TorrentLayout
  readonly #connection: Connection
  readonly #requests = new OwnRequests()
  /** Something happened after which there may be room for more requests. */
  #roomDue = false
  /** It rejected a request: asking on at once could go back and forth without end. */
  #resting = false
  /** When the block that is arriving began, ms. */
  #blockBegan: number | undefined
  /** Since when we read nothing from it, ms. */
  #heldSince: number | undefined

  constructor({ peer, host, clock, layout, connection }: PeerLink<Peer>) {
    this.#peer = peer
    this.#host = host
    this.#clock = clock
    this.#layout = layout
    this.#connection = connection
  }

  /** Blocks asked for and not answered. */
  get outstanding(): number {
    return this.#requests.size
  }

  /**
   * How many more blocks may be asked for now: 0 while it chokes us, unless there are allowed fast pieces, which are then
   * the only ones to ask for; and 0 until the next tick after it rejected a request.
   */
  get room(): number {
    const { peerChoking, allowedFast } = this.#peer
    if (this.#connection.phase !== "open" || this.#resting) return 0
    if (peerChoking && allowedFast.size === 0) return 0
    return Math.max(0, this.#requests.window.size - this.#requests.size)
  }

  /** Its window of requests is as full as it is kept: more is asked only when it has answered some. */
  get windowFull(): boolean {
    return this.#requests.size > 0 && !this.#requests.window.isLow(this.#requests.size)
  }

  isOutstanding(block: number): boolean {
    return this.#requests.has(block)
  }

  /** It owes us blocks and has sent none for 20 to 60 s. It gets one request until it sends a block. */
  get snubbed(): boolean {
    return this.#requests.window.snubbed
  }

  /** Bytes a second that it delivers when asked; 0 while it has shown nothing. */
  get rate(): number {
    return this.#requests.window.rate
  }

  /** It was asked for blocks, and none has come yet. */
  get unanswered(): boolean {
    return this.#requests.unanswered
  }

  /** Milliseconds until it will have sent all that it was asked for, as far as can be told. */
  timeLeft(now: number): number {
    return this.#requests.timeLeft(now)
  }

  /** The other side said how many requests it takes. */
  limit(requestQueue: number): void {
    this.#requests.window.limit(requestQueue)
  }

  /** Asks for a block, unless that was done. It ends in `onBlockEnd` or `onDropped`. */
  request(block: number): void {
    if (this.#connection.phase !== "open") return
    if (!this.#requests.add(block, this.#clock.now())) return
    const begin = this.#layout.indexOfBlock(block) * BLOCK_LENGTH
    this.#connection.encoder.request(this.#layout.pieceOfBlock(block), begin, this.#layout.blockLength(block))
    this.#connection.send()
  }

  /** Takes a request back, with `onDropped`. A block that is arriving already is left to come. */
  cancel(block: number): void {
    if (this.#peer.writer.block === block || !this.#requests.giveUp(block)) return
    const begin = this.#layout.indexOfBlock(block) * BLOCK_LENGTH
    this.#connection.encoder.cancel(this.#layout.pieceOfBlock(block), begin, this.#layout.blockLength(block))
    this.#connection.send()
    this.#host.onDropped(this.#peer, block)
  }

  /** Takes back up to `most` of the latest requests, those that `fits` accepts. @returns how many */
  cancelLast(most: number, fits: (block: number) => boolean): number {
    const before = this.#requests.size
    for (const block of this.#requests.blocks().reverse()) {
      if (before - this.#requests.size >= most) break
      if (fits(block)) this.cancel(block)
    }
    return before - this.#requests.size
  }

  /** Nothing will be answered any more. */
  dropAll(): void {
    for (const block of this.#requests.blocks())
      if (this.#requests.giveUp(block)) this.#host.onDropped(this.#peer, block)
  }

  /** The other side does something about our requests. */
  progress(): void {
    this.#requests.progress(this.#clock.now())
  }

  /** We keep the other side from sending, or do so no more: that time does not count, in the middle of a block neither. */
  hold(held: boolean): void {
    const now = this.#clock.now()
    const span = now - (this.#heldSince ?? now)
    this.#heldSince = held ? (this.#heldSince ?? now) : undefined
    if (held || span === 0) return
    this.#requests.pass(span)
    if (this.#blockBegan !== undefined) this.#blockBegan += span
  }

  /** Gives up what takes too long. @returns why the connection has to end, if it has */
  tick(now: number): ProtocolError | undefined {
    if (now - (this.#blockBegan ?? now) >= BLOCK_TIMEOUT) return new ProtocolError("a block took more than two minutes")
    this.#giveUp(now)
    if (this.#resting) this.#roomDue = true
    this.#resting = false
    this.offerRoom()
    return undefined
  }

  /** Tells the host that there is room, if there is and nobody has told it. */
  offerRoom(): void {
    const { window } = this.#requests
    if (!this.#roomDue || this.room === 0 || !window.isLow(this.#requests.size)) return
    this.#roomDue = false
    this.#host.onRoom(this.#peer)
    if (this.room > 0) window.starved()
  }

  /** More may be asked for than before: offered when the present turn ends. */
  roomGrew(): void {
    this.#roomDue = true
  }

  onChoke(): void {
    // With the fast extension each request is answered all the same (BEP 6).
    if (!this.#peer.fast) this.dropAll()
  }

  onReject(piece: number, begin: number, length: number): void {
    const block = this.#layout.checkBlock(piece, begin, length)
    if (block === undefined || !this.#requests.rejected(block, this.#clock.now())) {
      this.stray()
      return
    }
    this.#resting = true
    // It allowed more than it keeps: it may (BEP 6), but we don't ask for that piece again.
    if (this.#peer.peerChoking) this.#peer.allowedFast.delete(piece)
    this.#host.onDropped(this.#peer, block)
  }

  /** The other side has that piece no more (BEP 54). With the fast extension rejects follow, as to what was cancelled. */
  onLost(piece: number): void {
    for (const block of this.#requests.blocks()) {
      if (this.#layout.pieceOfBlock(block) !== piece) continue
      this.#requests.giveUp(block)
      this.#resting = true
      this.#host.onDropped(this.#peer, block)
    }
  }

  beginBlock(piece: number, begin: number, length: number): void {
    const block = this.#layout.checkBlock(piece, begin, length)
    const now = this.#clock.now()
    this.#blockBegan = now
    if (block === undefined || !this.#requests.has(block)) {
      this.stray()
      return
    }
    this.#requests.progress(now)
    const { writer } = this.#peer
    writer.block = block
    writer.destination = this.#host.onBlockBegin(this.#peer, block)
  }

  endBlock(length: number): void {
    const now = this.#clock.now()
    const { writer } = this.#peer
    const { block } = writer
    this.#blockBegan = undefined
    writer.block = undefined
    writer.destination = null
    this.#peer.downloadMeter.add(length, now)
    if (block === undefined) {
      this.#host.onUnasked?.(this.#peer, length)
      return
    }
    this.#roomDue = true
    if (this.#requests.answered(block, length, now)) this.#host.onBlockEnd(this.#peer, block)
  }

  /** An answer came to no request. @throws ProtocolError when there were too many */
  stray(): void {
    if (!this.#requests.stray()) throw new ProtocolError("it answers requests that were never made")
  }

  #giveUp(now: number): void {
    if (this.#requests.isOverdue(now)) {
      // A choked peer that rejects nothing (some clients forget to) is not to blame for sending nothing.
      if (!this.#peer.peerChoking) this.#requests.window.snub()
      for (const block of this.#requests.blocks()) this.cancel(block)
      this.#roomDue = true
      return
    }
    for (let block = this.#requests.lost(now); block !== undefined; block = this.#requests.lost(now)) {
      if (block === this.#peer.writer.block) return
      this.cancel(block)
      this.#roomDue = true
    }
  }
}
