import { formatIp, parseIp } from "../bytes/ip.js"
import { decodeUtf8Lenient, encodeUtf8 } from "../bytes/text.js"
import { ProtocolError } from "../errors.js"
import type { Place } from "./handshake.js"

/** RFC 1928, 5. */
const TYPE = { ipv4: 1, name: 3, ipv6: 4 } as const
/** Lengths are one byte. */
const MAX_TEXT = 255

/** A place as SOCKS5 writes it: type, address or name, port. @throws ProtocolError when the name is too long */
export function encodePlace({ host, port }: Place): number[] {
  const ip = parseIp(host)
  const address =
    ip === undefined
      ? [TYPE.name, ...withLength(host, "the host's name")]
      : [ip.length === 4 ? TYPE.ipv4 : TYPE.ipv6, ...ip]
  return [...address, port >> 8, port & 0xff]
}

/** Bytes of the place that starts at `at`, as far as that is known by then; undefined when it can't be a place. */
export function placeLength(bytes: Uint8Array, at: number): number | undefined {
  switch (bytes[at]) {
    case undefined:
      return 1
    case TYPE.ipv4:
      return 1 + 4 + 2
    case TYPE.ipv6:
      return 1 + 16 + 2
    case TYPE.name:
      return 2 + (bytes[at + 1] ?? 0) + 2
    default:
      return undefined
  }
}

/** The place that starts at `at`, which is whole. */
export function decodePlace(bytes: Uint8Array, at: number): Place {
  const end = at + placeLength(bytes, at)!
  const host = bytes[at] === TYPE.name ? decodeUtf8Lenient(bytes.subarray(at + 2, end - 2)) : undefined
  return {
    host: host ?? formatIp(bytes.subarray(at + 1, end - 2)),
    port: (bytes[end - 2]! << 8) | bytes[end - 1]!,
  }
}

/** A text with its length before it. @throws ProtocolError when it does not fit */
export function withLength(text: string, what: string, least = 1): number[] {
  const bytes = encodeUtf8(text)
  if (bytes.length < least || bytes.length > MAX_TEXT) throw new ProtocolError(`${what} is too short or too long`)
  return [bytes.length, ...bytes]
}
