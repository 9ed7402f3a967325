import { concatBytes } from "../bytes/concat.js"
import type { Place } from "./handshake.js"
import { decodePlace, encodePlace, placeLength } from "./socks5-address.js"

/** Two reserved bytes, and the number of the fragment: 0, since nothing is sent in fragments. */
const HEAD = Uint8Array.of(0, 0, 0)

/** A datagram as a SOCKS5 relay takes it (RFC 1928, 7). @throws ProtocolError when the place's name is too long */
export function encodeDatagram(to: Place, payload: Uint8Array): Uint8Array {
  return concatBytes(HEAD, Uint8Array.from(encodePlace(to)), payload)
}

/** What a relay hands on; undefined for what is none, and for fragments, which one may leave out (RFC 1928, 7). */
export function decodeDatagram(
  datagram: Uint8Array,
): { readonly from: Place; readonly payload: Uint8Array } | undefined {
  const length = placeLength(datagram, HEAD.length)
  if (length === undefined || datagram.length < HEAD.length + length || datagram[2] !== 0) return undefined
  return { from: decodePlace(datagram, HEAD.length), payload: datagram.subarray(HEAD.length + length) }
}
