import { formatIp, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"

/** The name of the extension (BEP 55). */
export const HOLEPUNCH_EXTENSION = "ut_holepunch"

/** What messages are for, by their number (BEP 55). */
const KINDS = ["rendezvous", "connect", "error"] as const

/** Why nobody is brought together (BEP 55). */
export const HolepunchError = { noSuchPeer: 1, notConnected: 2, noSupport: 3, noSelf: 4 } as const

/**
 * - `rendezvous`: bring me together with whoever is there
 * - `connect`: connect there by uTP, now: they do the same
 * - `error`: they can't be brought together
 */
export interface HolepunchMessage {
  readonly kind: (typeof KINDS)[number]
  /** An address, never a name. */
  readonly host: string
  readonly port: number
  /** {@link HolepunchError}, or another number; 0 in messages of other kinds. */
  readonly error: number
}

/** Bytes before the address, of a port, and of an error. */
const HEAD = 2
const PORT = 2
const ERROR = 4

/** Undefined: the host is no address. */
export function encodeHolepunch({ kind, host, port, error }: HolepunchMessage): Uint8Array | undefined {
  const address = parseIp(host)
  if (address === undefined) return undefined
  const payload = new Uint8Array(HEAD + address.length + PORT + ERROR)
  const view = new DataView(payload.buffer)
  payload[0] = KINDS.indexOf(kind)
  payload[1] = address.length === 4 ? 0 : 1
  payload.set(address, HEAD)
  view.setUint16(HEAD + address.length, port)
  view.setUint32(HEAD + address.length + PORT, error)
  return payload
}

/**
 * Reads such a payload. Undefined: of a kind, or with a kind of address, that is not known. Without an error it may end
 * before its place (libtorrent's do).
 *
 * @throws ProtocolError when it is too short
 */
export function decodeHolepunch(payload: Uint8Array): HolepunchMessage | undefined {
  if (payload.length < HEAD) throw new ProtocolError("a hole punching message without a head")
  const kind = KINDS[payload[0] as number]
  const addressKind = payload[1] as number
  if (kind === undefined || addressKind > 1) return undefined
  const portAt = HEAD + (addressKind === 0 ? 4 : 16)
  const errorAt = portAt + PORT
  if (payload.length < errorAt + (kind === "error" ? ERROR : 0)) {
    throw new ProtocolError("a hole punching message that ends too soon")
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  return {
    kind,
    host: formatIp(payload.subarray(HEAD, portAt)),
    port: view.getUint16(portAt),
    error: kind === "error" ? view.getUint32(errorAt) : 0,
  }
}
