import { ProtocolError } from "../errors.js"

/** The name of the extension by which a peer says that it lost a piece (BEP 54). */
export const DONT_HAVE_EXTENSION = "lt_donthave"

/** Bytes of the message: a piece's index. */
const LENGTH = 4

/** `piece` is from 0 to 2^32 - 1. */
export function encodeDontHave(piece: number): Uint8Array {
  const payload = new Uint8Array(LENGTH)
  new DataView(payload.buffer).setUint32(0, piece)
  return payload
}

/**
 * Reads such a payload. The piece need not exist.
 *
 * @throws ProtocolError when it is not as long as an index
 */
export function decodeDontHave(payload: Uint8Array): number {
  if (payload.length !== LENGTH) throw new ProtocolError(`a lost piece is said in ${payload.length} bytes`)
  return new DataView(payload.buffer, payload.byteOffset, LENGTH).getUint32(0)
}
