import { concatBytes } from "../bytes/concat.js"
import { ProtocolError } from "../errors.js"
import { asDictionary, type BencodeLimits, decodePrefix, encode } from "../metainfo/bencode.js"

/** The name of the extension (BEP 9). */
export const METADATA_EXTENSION = "ut_metadata"

/** Bytes of every piece of the metadata but the last (BEP 9). */
export const METADATA_PIECE_LENGTH = 16384

/** A piece of metadata (BEP 9). */
export interface MetadataData {
  readonly kind: "data"
  readonly piece: number
  /** Bytes of the whole metadata; undefined when the sender leaves it out. */
  readonly totalSize: number | undefined
  /** A view of the payload that was decoded. */
  readonly bytes: Uint8Array
}

/** What a message of the metadata extension says (BEP 9). */
export type MetadataMessage = { readonly kind: "request" | "reject"; readonly piece: number } | MetadataData

/** The dictionary before a piece has three members; what else a client may put there is not much. */
const HEAD_LIMITS: BencodeLimits = { length: 1 << 20, depth: 8, tokens: 256 }

const KINDS = ["request", "data", "reject"] as const

/** How many pieces a metadata of so many bytes has. */
export function metadataPieceCount(size: number): number {
  return Math.ceil(size / METADATA_PIECE_LENGTH)
}

/** Bytes of one piece; 0 beyond the last. */
export function metadataPieceLength(size: number, piece: number): number {
  return Math.max(0, Math.min(METADATA_PIECE_LENGTH, size - piece * METADATA_PIECE_LENGTH))
}

export function encodeMetadataRequest(piece: number): Uint8Array {
  return encode({ msg_type: 0, piece })
}

export function encodeMetadataReject(piece: number): Uint8Array {
  return encode({ msg_type: 2, piece })
}

/** A piece of `metadata`, which must have it. */
export function encodeMetadataData(metadata: Uint8Array, piece: number): Uint8Array {
  const head = encode({ msg_type: 1, piece, total_size: metadata.length })
  const start = piece * METADATA_PIECE_LENGTH
  return concatBytes(head, metadata.subarray(start, start + METADATA_PIECE_LENGTH))
}

/**
 * Reads a message; undefined for a type that is not known, which BEP 9 wants ignored.
 *
 * @throws ProtocolError when it is malformed
 */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | undefined {
  const { value, end } = decodePrefix(payload, HEAD_LIMITS)
  const head = asDictionary(value)
  const type = head?.integer("msg_type")
  const piece = head?.integer("piece")
  if (type === undefined || piece === undefined || piece < 0) throw new ProtocolError("a malformed metadata message")
  const kind = KINDS[type]
  if (kind === undefined) return undefined
  if (kind !== "data") return { kind, piece }
  return { kind, piece, totalSize: head?.integer("total_size"), bytes: payload.subarray(end) }
}
