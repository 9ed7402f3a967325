import { BLOCK_LENGTH } from "../metainfo/layout.js"
import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Slot } from "../storage/slots.js"
import type { PeerSource } from "./peer-source.js"
import type { RateLimit } from "./rate-limit.js"
import type { Roster } from "./roster.js"
import { takeOver } from "./take-over.js"
import type { Totals } from "./totals.js"

/** Idle sources double blocks at most this many times when nothing has arrived for {@link STUCK} (rain: 20). */
const MAX_COPIES_STUCK = 20
/** Normal end-game: a block is asked for twice at most. */
const MAX_COPIES = 2
/** ms */
const STUCK = 5_000
/** An open piece this old may be helped by others although pieces are still missing, ms. */
const SLOW_PIECE = 10_000
/** Blocks an idle source doubles at a time: little is wasted when the first asker delivers after all. */
const DUPLICATES = 8
/** Under a download limit, all peers together are asked for no more than it lets through in so many seconds. */
const AHEAD_OF_LIMIT = 0.5

/** Asks peers for blocks, as many as they have room for. */
export class Asking {
  readonly #table: PieceTable<Slot>
  readonly #picker: Picker<Slot>
  readonly #totals: Totals
  readonly #roster: Pick<Roster, "connected" | "sourceById">
  readonly #limit: RateLimit

  constructor(options: {
    table: PieceTable<Slot>
    picker: Picker<Slot>
    totals: Totals
    downloadLimit: RateLimit
    roster: Pick<Roster, "connected" | "sourceById">
  }) {
    this.#limit = options.downloadLimit
    this.#table = options.table
    this.#picker = options.picker
    this.#totals = options.totals
    this.#roster = options.roster
  }

  fill(peer: PeerSource, now: number): void {
    const { session } = peer
    if (!session.amInterested) return
    const room = Math.min(session.requester.room, this.#mostOutstanding() - session.requester.outstanding)
    if (room <= 0 || !this.#hasAllowed(peer)) return
    const ask = (block: number): void => session.requester.request(block)
    if (this.#picker.pickBlocks(peer, room, now, ask) > 0) return
    if (this.#help(peer, room, now, ask) > 0 || session.requester.outstanding > 0) return
    const stuck = now - this.#totals.lastArrival > STUCK
    // Who has given nothing yet would only use up the second copy, which another waits to be asked for.
    if (session.requester.unanswered && !stuck) return
    const ending = this.#table.count("missing") + this.#table.count("reserved") === 0
    this.#picker.pickDuplicates(
      peer,
      Math.min(room, DUPLICATES),
      { maxCopies: stuck ? MAX_COPIES_STUCK : MAX_COPIES, openedBefore: ending ? Infinity : now - SLOW_PIECE },
      ask,
    )
  }

  /**
   * `peer` has got a piece, too. If we only wait for a seed to send it, the peer is asked instead: so the seed, of whom all
   * want something, gives what nobody else has.
   */
  turnFromSeed(peer: PeerSource, piece: number, now: number): void {
    const open = this.#table.open.get(piece)
    if (open === undefined || open.outstanding === 0 || open.receivedCount > 0 || open.beingWritten) return
    const { session } = peer
    if (!peer.counted || !session.amInterested || session.peerChoking || session.requester.room < open.blockCount)
      return
    const seed = this.#roster.sourceById(open.lastAsked)
    if (seed?.countedAs !== "seed") return
    for (let index = 0; index < open.blockCount; index++) {
      const block = this.#table.layout.block(piece, index)
      if (seed.isAsked(block)) seed.session.requester.cancel(block)
    }
    // The picker gives a source the rest of what it was asked for last.
    open.lastAsked = peer.id
    this.fill(peer, now)
  }

  /** The block is here, from whomever: takes back the requests for it. */
  cancelCopies(block: number): void {
    for (const peer of this.#roster.connected()) if (peer.isAsked(block)) peer.session.requester.cancel(block)
  }

  /** Requests that a peer may have to answer at a time. Each has its share, so that a slow one does not use up that of all. */
  #mostOutstanding(): number {
    const { bytesPerSecond } = this.#limit
    if (bytesPerSecond === undefined) return Infinity
    let sharers = 0
    for (const { session } of this.#roster.connected()) if (session.amInterested && !session.peerChoking) sharers++
    return Math.max(1, Math.ceil((bytesPerSecond * AHEAD_OF_LIMIT) / BLOCK_LENGTH / Math.max(1, sharers)))
  }

  /** Nothing is left to ask it for: it helps peers that will be long at what they were asked for, and web seeds. */
  #help(peer: PeerSource, room: number, now: number, ask: (block: number) => void): number {
    const { layout } = this.#table
    const fits = (block: number): boolean => peer.hasPiece(layout.pieceOfBlock(block)) && !peer.isAsked(block)
    const taken = takeOver(peer, this.#roster.connected(), { most: room, now, fits })
    const picked = taken === 0 ? 0 : this.#picker.pickBlocks(peer, room, now, ask)
    if (picked > 0 || this.#table.count("missing") > 0) return picked
    return this.#picker.pickFromRuns(peer, room, ask)
  }

  /** False when it chokes us and we need none of the pieces that it allowed us: the picker would look at all for nothing. */
  #hasAllowed(peer: PeerSource): boolean {
    const { onlyPieces } = peer
    if (onlyPieces === undefined) return true
    for (const piece of onlyPieces) if (this.#table.isNeeded(piece) && peer.hasPiece(piece)) return true
    return false
  }
}
