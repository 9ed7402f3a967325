import { MAX_HASHES } from "../metainfo/hash-request.js"
import { HASH_HEADER_LENGTH } from "./hash-messages.js"

/** The messages of BEP 3, BEP 5 (port), BEP 6 (13 to 17), BEP 10 (20) and BEP 52 (21 to 23). */
export const MessageId = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggestPiece: 13,
  haveAll: 14,
  haveNone: 15,
  rejectRequest: 16,
  allowedFast: 17,
  extended: 20,
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const

/**
 * The longest block that is served or taken, in bytes. Everyone asks for 16 KiB (BEP 3); some old clients asked for up to
 * 128 KiB, above which all close the connection.
 */
export const MAX_BLOCK_LENGTH = 128 * 1024

/** The longest payload of an extended message, and of a message we do not know, in bytes: libtorrent's limit. */
const MAX_PAYLOAD_LENGTH = 1 << 20

/** The longest bitfield that is taken before it is known how many pieces there are, in bytes: of 2,097,152 pieces. */
const MAX_BITFIELD_LENGTH = 1 << 18

/** Hashes in an answer that prove the others: trees are no higher. */
const MAX_UNCLES = 40

/** Bytes before a block in a piece message, its id included: id, piece, begin. */
export const PIECE_HEADER_LENGTH = 9

/**
 * The longest message there is (without its length prefix), in a torrent whose bitfield has that many bytes; undefined:
 * nobody knows yet.
 */
export function longestMessage(bitfieldLength: number | undefined): number {
  return 1 + Math.max(MAX_PAYLOAD_LENGTH, bitfieldLength ?? MAX_BITFIELD_LENGTH)
}

/**
 * Whether a message of this id may have this length (id included, length prefix not). Ids that we do not know are allowed:
 * other extensions use them, and they are skipped.
 */
export function isLengthAllowed(id: number, length: number, bitfieldLength: number | undefined): boolean {
  switch (id) {
    case MessageId.choke:
    case MessageId.unchoke:
    case MessageId.interested:
    case MessageId.notInterested:
    case MessageId.haveAll:
    case MessageId.haveNone:
      return length === 1
    case MessageId.port:
      return length === 3
    case MessageId.have:
    case MessageId.suggestPiece:
    case MessageId.allowedFast:
      return length === 5
    case MessageId.request:
    case MessageId.cancel:
    case MessageId.rejectRequest:
      return length === 13
    case MessageId.bitfield:
      return bitfieldLength === undefined ? length <= 1 + MAX_BITFIELD_LENGTH : length === 1 + bitfieldLength
    case MessageId.piece:
      return length >= PIECE_HEADER_LENGTH && length <= PIECE_HEADER_LENGTH + MAX_BLOCK_LENGTH
    case MessageId.extended:
      return length >= 2 && length <= 1 + MAX_PAYLOAD_LENGTH
    case MessageId.hashRequest:
    case MessageId.hashReject:
      return length === 1 + HASH_HEADER_LENGTH
    case MessageId.hashes:
      return length > HASH_HEADER_LENGTH && length <= 1 + HASH_HEADER_LENGTH + 32 * (MAX_HASHES + MAX_UNCLES)
    default:
      return length <= 1 + MAX_PAYLOAD_LENGTH
  }
}
