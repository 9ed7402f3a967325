import type { Bitfield } from "../bytes/bitfield.js"
import type { Fellows } from "../picker/fellows.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Slot } from "../storage/slots.js"
import type { ConnectionOutcome } from "./finding/peer-book.js"
import type { PeerSource } from "./peer-source.js"
import type { UploadOnly } from "./upload-only.js"

/** Peers with nothing under way are looked at again for pieces we need, ms. */
const CHECK = 10_000

/** Who has what: keeps the availability counted, and tells each peer whether we want something of it. */
export class Interest {
  readonly #table: PieceTable<Slot>
  readonly #fellows: Fellows
  readonly #uploadOnly: UploadOnly

  constructor(options: { table: PieceTable<Slot>; fellows: Fellows; uploadOnly: UploadOnly }) {
    this.#table = options.table
    this.#fellows = options.fellows
    this.#uploadOnly = options.uploadOnly
  }

  /** The peer says what it has, and had said `previous` before. */
  pieces(peer: PeerSource, previous: Bitfield | undefined): void {
    this.forget(peer, previous)
    const { pieces, peerId } = peer.session
    if (pieces === undefined || peerId === undefined) return
    peer.countedAs = pieces.complete ? "seed" : "pieces"
    if (pieces.complete) this.#table.availability.addSeed()
    else {
      this.#table.availability.addPeer(pieces)
      this.#fellows.add(peer.id, peerId)
    }
  }

  /** The peer has one more piece. @returns whether we need it */
  have(peer: PeerSource, piece: number): boolean {
    if (peer.countedAs === "no") this.pieces(peer, undefined)
    else if (peer.countedAs === "pieces") this.#table.availability.addHave(piece)
    const needed = this.#table.isNeeded(piece)
    if (needed) peer.session.setInterested(true)
    return needed
  }

  /** The peer has one piece less. Whether we still want something of it is looked at with the next tick: it is O(pieces). */
  dontHave(peer: PeerSource, piece: number): void {
    if (peer.countedAs === "seed") this.pieces(peer, undefined)
    else if (peer.countedAs === "pieces") this.#table.availability.removeHave(piece)
    peer.interestChecked = Number.NEGATIVE_INFINITY
  }

  /** The peer does not count any more. */
  forget(peer: PeerSource, pieces: Bitfield | undefined): void {
    if (peer.countedAs === "seed") this.#table.availability.removeSeed()
    else if (peer.countedAs === "pieces" && pieces !== undefined) this.#table.availability.removePeer(pieces)
    peer.countedAs = "no"
    this.#fellows.delete(peer.id)
  }

  /** To be called every 250 ms. */
  tick(peers: Iterable<PeerSource>, now: number): void {
    for (const peer of peers) {
      // Outstanding requests prove interest; without any, look again now and then, as it is O(pieces).
      if (peer.session.requester.outstanding > 0 || now < peer.interestChecked + CHECK) continue
      peer.interestChecked = now
      this.update(peer)
    }
  }

  update({ session }: PeerSource): void {
    session.setInterested(session.pieces !== undefined && this.#wantsOf(session.pieces))
  }

  /** Neither side wants anything of the other. */
  useless({ session }: PeerSource): boolean {
    return this.#uploadOnly.value && session.uploadOnly
  }

  /** What the connection that ends now was good for. */
  outcome({ session, ready }: PeerSource): ConnectionOutcome {
    if (!ready) return session.reached ? "refused" : "failed"
    if (this.#table.remaining === 0 && session.uploadOnly) return "satisfied"
    return session.downloaded + session.uploaded > 0 ? "useful" : "idle"
  }

  #wantsOf(pieces: Bitfield): boolean {
    const table = this.#table
    if (table.remaining <= table.count("committing")) return false
    if (pieces.complete) return true
    return pieces.firstBeyond(table.have, (piece) => table.isNeeded(piece)) !== undefined
  }
}
