import { Bitfield } from "../bytes/bitfield.js"
import { ProtocolError } from "../errors.js"
import type { TorrentLayout } from "../metainfo/layout.js"
import type { WireSink } from "../wire/sink.js"
import type { BlockWriter } from "./block-writer.js"
import type { Extensions } from "./extensions.js"
import type { HashRequests } from "./hash-requests.js"
import type { PeerHost } from "./peer-host.js"
import type { PeerLink } from "./peer-link.js"
import type { PeerState } from "./peer-state.js"
import type { Requester } from "./requester.js"
import type { Uploader } from "./uploader.js"

/**
 * Some clients send their bitfield late, or again; each costs us work for every piece. Those that stand for haves and are
 * shorter (aria2 sends such) don't count: there can't be many.
 */
const MAX_BITFIELDS = 4
/** On the wire, bytes (BEP 3): a have, and a bitfield without its bits. */
const HAVE_SIZE = 9
const BITFIELD_HEADER = 5
/** PORT messages that are listened to: each makes us send a datagram. */
const MAX_PORTS = 4
/** Pieces remembered; BEP 6 sends ten. */
const MAX_ALLOWED_FAST = 100

/** The parts of a session that take a peer's messages. */
interface InboxParts<Peer extends PeerState> {
  readonly requester: Requester<Peer>
  readonly uploader: Uploader<Peer>
  readonly extensions: Extensions<Peer>
  readonly hashes: HashRequests<Peer>
}

/**
 * Takes a peer's messages. What says who has what and who wants what (BEP 3, 6) it checks, notes in the peer's state and
 * passes on to the host; the rest is for the other parts.
 */
export class Inbox<Peer extends PeerState> implements WireSink {
  readonly writer: BlockWriter
  readonly #peer: Peer
  readonly #host: PeerHost<Peer>
  readonly #layout: TorrentLayout
  readonly #parts: InboxParts<Peer>
  #bitfields = 0
  #ports = 0

  constructor({ peer, host, layout }: PeerLink<Peer>, parts: InboxParts<Peer>) {
    this.writer = peer.writer
    this.#peer = peer
    this.#host = host
    this.#layout = layout
    this.#parts = parts
  }

  onChoke(): void {
    const peer = this.#peer
    if (peer.peerChoking) return
    peer.peerChoking = true
    this.#parts.requester.onChoke()
    this.#host.onChoked(peer)
  }

  onUnchoke(): void {
    if (!this.#peer.peerChoking) return
    this.#peer.peerChoking = false
    this.#parts.requester.roomGrew()
  }

  onInterested(): void {
    this.#setInterested(true)
  }

  onNotInterested(): void {
    this.#setInterested(false)
  }

  onHave(piece: number): void {
    if (piece >= this.#layout.pieceCount) throw new ProtocolError(`it has piece ${piece}, which does not exist`)
    // Who has nothing may leave its bitfield out (BEP 3).
    const pieces = this.#peer.pieces ?? this.#setPieces(new Bitfield(this.#layout.pieceCount))
    if (pieces.add(piece)) this.#host.onHave(this.#peer, piece)
  }

  onBitfield(bytes: Uint8Array): void {
    const pieces = Bitfield.fromBytes(bytes, this.#layout.pieceCount)
    if (pieces === undefined) throw new ProtocolError("a bitfield with bits beyond the last piece")
    this.#setPieces(pieces)
  }

  onHaveAll(): void {
    this.#fastOnly("have all")
    const pieces = new Bitfield(this.#layout.pieceCount)
    pieces.fill()
    this.#setPieces(pieces)
  }

  onHaveNone(): void {
    this.#fastOnly("have none")
    this.#setPieces(new Bitfield(this.#layout.pieceCount))
  }

  onRequest(piece: number, begin: number, length: number): void {
    this.#parts.uploader.onRequest(piece, begin, length)
  }

  onCancel(piece: number, begin: number, length: number): void {
    this.#parts.uploader.onCancel(piece, begin, length)
  }

  onPort(port: number): void {
    if (port > 0 && this.#ports++ < MAX_PORTS) this.#host.onPort?.(this.#peer, port)
  }

  /** A hint that we do not follow: a rare piece is worth more to us than one that it has in its memory. */
  onSuggestPiece(): void {
    this.#fastOnly("suggest piece")
  }

  onRejectRequest(piece: number, begin: number, length: number): void {
    this.#fastOnly("reject request")
    this.#parts.requester.onReject(piece, begin, length)
  }

  onAllowedFast(piece: number): void {
    this.#fastOnly("allowed fast")
    const { allowedFast } = this.#peer
    if (piece >= this.#layout.pieceCount || allowedFast.size >= MAX_ALLOWED_FAST || allowedFast.has(piece)) return
    allowedFast.add(piece)
    this.#parts.requester.roomGrew()
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.#parts.extensions.onMessage(id, payload)
  }

  onHashMessage(id: number, payload: Uint8Array): void {
    this.#parts.hashes.onMessage(id, payload)
  }

  beginBlock(piece: number, begin: number, length: number): void {
    this.#parts.requester.beginBlock(piece, begin, length)
  }

  endBlock(_piece: number, _begin: number, length: number): void {
    this.#parts.requester.endBlock(length)
  }

  #setInterested(interested: boolean): void {
    if (interested === this.#peer.peerInterested) return
    this.#peer.peerInterested = interested
    this.#host.onInterestChanged(this.#peer)
  }

  #setPieces(pieces: Bitfield): Bitfield {
    const previous = this.#peer.pieces
    const more = pieces.count - (previous?.count ?? 0)
    const worthwhile = more * HAVE_SIZE >= BITFIELD_HEADER + pieces.bytes.length
    if (!worthwhile && ++this.#bitfields > MAX_BITFIELDS) {
      throw new ProtocolError("it says again and again what it has")
    }
    this.#peer.pieces = pieces
    this.#host.onPieces(this.#peer, previous)
    return pieces
  }

  /** BEP 6: whoever uses it without both having offered it is to be cut off. */
  #fastOnly(message: string): void {
    if (!this.#peer.fast) throw new ProtocolError(`${message} without the fast extension`)
  }
}
