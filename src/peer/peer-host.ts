import type { Bitfield } from "../bytes/bitfield.js"
import type { ExtensionHandshake } from "../wire/extension.js"
import type { HashHost } from "./hash-requests.js"

/**
 * What the owner of peer connections hears, always from inside a call of the session's stream listener, `tick`, `cancel`
 * or `close`. It may call the session back, `close` included.
 *
 * Every `request` ends in exactly one of `onBlockEnd` and `onDropped`. `Peer` is the session.
 */
export interface PeerHost<Peer> extends HashHost<Peer> {
  /** The handshake is done both ways. The host answers with `announcePieces`, or closes. */
  onReady(peer: Peer): void
  /**
   * It is over, exactly once, for a failed connect too; nothing follows. If `peer.writer.block` is set, that block was
   * arriving. `reason` is absent for an orderly end.
   */
  onClosed(peer: Peer, reason: Error | undefined): void
  /** Bitfield, have-all or have-none: `peer.pieces` is new, and was `previous`. */
  onPieces(peer: Peer, previous: Bitfield | undefined): void
  /** It has one more piece, which is in `peer.pieces` already. */
  onHave(peer: Peer, piece: number): void
  /** It has one piece less, which is out of `peer.pieces` already, and requests for it were dropped (BEP 54). */
  onDontHave(peer: Peer, piece: number): void
  /** It chokes us. Without the fast extension all requests were dropped before. Of an unchoke `onRoom` tells. */
  onChoked(peer: Peer): void
  /** `peer.peerInterested` changed. */
  onInterestChanged(peer: Peer): void
  /**
   * A valid request, and we do not choke it or allowed it the piece: answer with `sendBlock` or `reject`. Until then it is
   * among those that wait, if the other side does not take it back and is not choked.
   */
  onRequest(peer: Peer, piece: number, begin: number, length: number): void
  /** A block that was asked for begins to arrive: where its bytes go, or null to discard them. */
  onBlockBegin(peer: Peer, block: number): Uint8Array | null
  /** All bytes of a block that was asked for are in. */
  onBlockEnd(peer: Peer, block: number): void
  /** A block came whole that was not asked for, or not any more. */
  onUnasked?(peer: Peer, length: number): void
  /** A request will not be answered: cancelled, rejected, choked away, timed out, connection closed. */
  onDropped(peer: Peer, block: number): void
  /** There is room for more requests. Once a turn at most, and only when there is room for many. */
  onRoom(peer: Peer): void
  /** An extended handshake came (BEP 10); there may be several. */
  onExtended(peer: Peer, handshake: ExtensionHandshake): void
  /**
   * An extended message with another of the ids that we announced. `payload` is valid during the call. A ProtocolError that
   * it throws ends the connection.
   */
  onExtensionMessage?(peer: Peer, id: number, payload: Uint8Array): void
  /** It has a DHT node at this UDP port (BEP 5). */
  onPort?(peer: Peer, port: number): void
  /** What was waiting to be sent has gone out. */
  onSendRoom?(peer: Peer): void
}
