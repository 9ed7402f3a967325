/** Where the block that is arriving goes. Asked before each copy: whoever owns it may take it away at any time. */
export interface BlockDestination {
  /** At least as long as the block; null: the rest is discarded. */
  readonly destination: Uint8Array | null
}

/**
 * What a decoder calls, one method a message, with numbers as they came: lengths are right, and nothing else is checked.
 * Views are valid during the call only. A method that throws ends the decoding: the error comes out of `push`.
 */
export interface WireSink {
  readonly writer: BlockDestination
  onChoke(): void
  onUnchoke(): void
  onInterested(): void
  onNotInterested(): void
  onHave(piece: number): void
  onBitfield(bytes: Uint8Array): void
  onRequest(piece: number, begin: number, length: number): void
  onCancel(piece: number, begin: number, length: number): void
  /** The UDP port of the other side's DHT node (BEP 5). */
  onPort(port: number): void
  onSuggestPiece(piece: number): void
  onHaveAll(): void
  onHaveNone(): void
  onRejectRequest(piece: number, begin: number, length: number): void
  onAllowedFast(piece: number): void
  /** `id` is ours for the extension, 0 for the handshake (BEP 10). */
  onExtended(id: number, payload: Uint8Array): void
  /** One of the three messages of BEP 52, by its id. `payload` begins with a whole header. */
  onHashMessage(id: number, payload: Uint8Array): void
  /** The header of a piece message is in. To take the block, set `writer.destination`. */
  beginBlock(piece: number, begin: number, length: number): void
  /** The block's last byte is in, wherever it went. Always follows `beginBlock` before any other call. */
  endBlock(piece: number, begin: number, length: number): void
}
