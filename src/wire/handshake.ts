import { ProtocolError } from "../errors.js"

/** Bytes of a handshake (BEP 3). */
export const HANDSHAKE_LENGTH = 68

/** Up to the end of the infohash: all that an accepted connection needs to be matched with a torrent. */
export const HANDSHAKE_HEAD_LENGTH = 48

/** Byte 19, which is the length of the name that follows it, and the name. */
const PROTOCOL = Uint8Array.from("\u0013BitTorrent protocol", (character) => character.charCodeAt(0))

const RESERVED = PROTOCOL.length
const INFO_HASH = RESERVED + 8

/** BEP 10: bit 20 from the right of the reserved bytes. */
const EXTENSION_BYTE = RESERVED + 5
const EXTENSION_BIT = 0x10

/** BEP 6: the third lowest bit of the last reserved byte. */
const FAST_BYTE = RESERVED + 7
const FAST_BIT = 0x04

/** BEP 52: the fourth highest bit of the last reserved byte. */
const V2_BYTE = RESERVED + 7
const V2_BIT = 0x10
/** BEP 5: the lowest bit of the last reserved byte. */
const DHT_BYTE = RESERVED + 7
const DHT_BIT = 0x01

/** What a handshake says up to its infohash. */
export interface HandshakeHead {
  readonly infoHash: Uint8Array
  /** The extension protocol (BEP 10). */
  readonly extended: boolean
  /** The fast extension (BEP 6). */
  readonly fast: boolean
  /** It can speak v2 about the torrent (BEP 52): who sent the v1 infohash of a hybrid may be answered with the other. */
  readonly v2: boolean
  /** It has a DHT node (BEP 5). */
  readonly dht: boolean
}

/** A whole handshake. */
export interface Handshake extends HandshakeHead {
  readonly peerId: Uint8Array
}

/** What our handshake offers beside the extension protocol and the fast extension. */
export interface Offers {
  /** BEP 52. */
  readonly v2?: boolean
  /** We take part in the DHT (BEP 5). */
  readonly dht?: boolean
}

/** Our handshake. `infoHash` and `peerId` are 20 bytes. */
export function encodeHandshake(
  infoHash: Uint8Array,
  peerId: Uint8Array,
  { v2 = false, dht = false }: Offers = {},
): Uint8Array {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH)
  bytes.set(PROTOCOL)
  bytes[EXTENSION_BYTE] = EXTENSION_BIT
  bytes[FAST_BYTE] = FAST_BIT
  if (v2) bytes[V2_BYTE]! |= V2_BIT
  if (dht) bytes[DHT_BYTE]! |= DHT_BIT
  bytes.set(infoHash, INFO_HASH)
  bytes.set(peerId, HANDSHAKE_HEAD_LENGTH)
  return bytes
}

/** True when `bytes` may become a handshake: as far as there are any, they say "BitTorrent protocol". */
export function startsLikeHandshake(bytes: Uint8Array): boolean {
  const end = Math.min(bytes.length, PROTOCOL.length)
  for (let i = 0; i < end; i++) if (bytes[i] !== PROTOCOL[i]) return false
  return true
}

/**
 * Reads the first {@link HANDSHAKE_HEAD_LENGTH} bytes; the infohash is a copy.
 *
 * @throws ProtocolError when it is another protocol
 */
export function decodeHandshakeHead(bytes: Uint8Array): HandshakeHead {
  if (!startsLikeHandshake(bytes)) throw new ProtocolError("the handshake is not BitTorrent's")
  return {
    infoHash: bytes.slice(INFO_HASH, HANDSHAKE_HEAD_LENGTH),
    extended: ((bytes[EXTENSION_BYTE] ?? 0) & EXTENSION_BIT) !== 0,
    fast: ((bytes[FAST_BYTE] ?? 0) & FAST_BIT) !== 0,
    v2: ((bytes[V2_BYTE] ?? 0) & V2_BIT) !== 0,
    dht: ((bytes[DHT_BYTE] ?? 0) & DHT_BIT) !== 0,
  }
}

/**
 * Reads {@link HANDSHAKE_LENGTH} bytes; nothing in the result is a view of them.
 *
 * @throws ProtocolError when it is another protocol
 */
export function decodeHandshake(bytes: Uint8Array): Handshake {
  return { ...decodeHandshakeHead(bytes), peerId: bytes.slice(HANDSHAKE_HEAD_LENGTH, HANDSHAKE_LENGTH) }
}
