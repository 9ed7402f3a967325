import type { PeerSession } from "../peer/peer-session.js"
import type { BlockSource } from "../picker/block-source.js"
import type { Endpoint } from "../ports/net.js"

/** How a peer counts in the availability: not yet, as a seed, or by the pieces it has. */
export type Counted = "no" | "seed" | "pieces"

/** A peer as the torrent sees it: one that is connected, or that we are just connecting to. */
export class PeerSource implements BlockSource {
  readonly id: number
  readonly session: PeerSession
  countedAs: Counted = "no"
  /** Addresses of the book that lead to it: they are busy as long as it is connected. */
  readonly addresses: Endpoint[] = []
  /** The handshake is done. */
  ready = false
  /** Others had to help us to get through to it (BEP 55): it can't be reached from just anywhere. */
  punched = false
  /** Clock time when we began to connect, or accepted it, ms. */
  readonly since: number
  /** Clock time when one side last wanted something of the other, or else when the connection began, ms. */
  interestedAt: number
  /** Clock time of its last request, or of our unchoke, ms. */
  requestedAt: number
  /** Clock time when it last let us download, or else when the connection began, ms. */
  letAt: number
  /** Clock time when we last looked through its pieces for one we need, ms. */
  interestChecked = 0

  constructor(id: number, session: PeerSession, now: number) {
    this.id = id
    this.session = session
    this.since = this.interestedAt = this.requestedAt = this.letAt = now
  }

  /** The other side opened the connection. */
  get incoming(): boolean {
    return this.session.direction === "incoming"
  }

  /** The only pieces it can be asked for: the allowed fast ones (BEP 6) while it chokes us. */
  get onlyPieces(): ReadonlySet<number> | undefined {
    return this.session.peerChoking ? this.session.allowedFast : undefined
  }

  /** It asked for a block, or may do so from now on. */
  requested(now: number): void {
    this.requestedAt = now
  }

  /** Clock time when something last went either way, or could have, ms. */
  get usefulAt(): number {
    return Math.max(this.letAt, this.requestedAt)
  }

  get counted(): boolean {
    return this.countedAs === "pieces"
  }

  get pieceCount(): number {
    return this.session.pieces?.count ?? 0
  }

  hasPiece(piece: number): boolean {
    const { session } = this
    if (session.peerChoking && !session.allowedFast.has(piece)) return false
    return session.pieces?.has(piece) ?? false
  }

  isAsked(block: number): boolean {
    return this.session.requester.isOutstanding(block)
  }
}
