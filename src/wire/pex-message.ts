import { formatIp, parseIp } from "../bytes/ip.js"
import { ProtocolError } from "../errors.js"
import { asDictionary, type BencodeDictionary, type BencodeLimits, decode, encode } from "../metainfo/bencode.js"

/** The name of the extension (BEP 11). */
export const PEX_EXTENSION = "ut_pex"

/** Bits of a peer's flags (BEP 11). */
export const PexFlag = {
  prefersEncryption: 0x01,
  uploadOnly: 0x02,
  utp: 0x04,
  holepunch: 0x08,
  reachable: 0x10,
} as const

/** Where a peer is: an address, never a name. */
interface PexAddress {
  readonly host: string
  readonly port: number
}

/** A peer that somebody is connected to. */
export interface PexPeer extends PexAddress {
  /** {@link PexFlag} */
  readonly flags: number
}

/** Who has come and gone since the message before (BEP 11). */
export interface PexMessage {
  readonly added: readonly PexPeer[]
  readonly dropped: readonly PexAddress[]
}

/** A dictionary of a few strings. */
const LIMITS: BencodeLimits = { length: 1 << 20, depth: 8, tokens: 256 }
/** Contacts of one list that are looked at; the others are not read. BEP 11 allows 50, and more in the first message. */
const MAX_CONTACTS = 200

export function encodePex({ added, dropped }: PexMessage): Uint8Array {
  const [added4, added6] = [peersOf(added, 4), peersOf(added, 16)]
  return encode({
    added: compact(added4),
    "added.f": Uint8Array.from(added4, ({ flags }) => flags),
    added6: compact(added6),
    "added6.f": Uint8Array.from(added6, ({ flags }) => flags),
    dropped: compact(peersOf(dropped, 4)),
    dropped6: compact(peersOf(dropped, 16)),
  })
}

/** @throws ProtocolError when it is malformed */
export function decodePex(payload: Uint8Array): PexMessage {
  const dictionary = asDictionary(decode(payload, LIMITS))
  if (dictionary === undefined) throw new ProtocolError("a malformed peer exchange message")
  return {
    added: [...contacts(dictionary, "added", 4), ...contacts(dictionary, "added6", 16)],
    dropped: [...contacts(dictionary, "dropped", 4), ...contacts(dictionary, "dropped6", 16)].map(({ host, port }) => ({
      host,
      port,
    })),
  }
}

function peersOf<Peer extends PexAddress>(peers: readonly Peer[], length: 4 | 16): Peer[] {
  return peers.filter(({ host }) => parseIp(host)?.length === length)
}

function compact(peers: readonly PexAddress[]): Uint8Array {
  return Uint8Array.from(peers.flatMap(({ host, port }) => [...(parseIp(host) ?? []), port >> 8, port & 0xff]))
}

function contacts(dictionary: BencodeDictionary, key: string, length: 4 | 16): PexPeer[] {
  const bytes = dictionary.bytes(key) ?? new Uint8Array(0)
  const flags = dictionary.bytes(`${key}.f`)
  const size = length + 2
  const count = Math.min(MAX_CONTACTS, Math.floor(bytes.length / size))
  return Array.from({ length: count }, (_, index) => {
    const at = index * size
    return {
      host: formatIp(bytes.subarray(at, at + length)),
      port: (bytes[at + length]! << 8) | bytes[at + length + 1]!,
      flags: flags?.[index] ?? 0,
    }
  })
}
