import { concatBytes } from "../bytes/concat.js"
import { encodeUtf8 } from "../bytes/text.js"
import { ProtocolError } from "../errors.js"
import { DH_PRIVATE_KEY_LENGTH, publicKey, sharedSecret } from "./diffie-hellman.js"
import { Rc4 } from "./rc4.js"

// Message stream encryption, as its description of 2006 has it and all clients speak it:
//
//   A → B   Ya, PadA                                              Diffie-Hellman; S is the shared secret
//   B → A   Yb, PadB
//   A → B   HASH("req1", S), HASH("req2", SKEY) xor HASH("req3", S),
//           ENCRYPT(VC, crypto_provide, len(PadC), PadC, len(IA)), ENCRYPT(IA)
//   B → A   ENCRYPT(VC, crypto_select, len(PadD), PadD), and from here on what was selected
//
// SKEY is the infohash, VC eight zeros, IA what A has to say already: the handshake of BEP 3.

/** Bytes of padding at most, in each of its four places. */
export const MAX_PAD = 512
/** Bytes of VC. */
export const VC_LENGTH = 8
/** The start of RC4's key stream gives the key away. */
const RC4_DROP = 1024

/** Bits of `crypto_provide` and `crypto_select`. */
export const CryptoMethod = { plaintext: 1, rc4: 2 } as const

/** What the handshake needs and can't have of itself. */
export interface MseTools {
  sha1(data: Uint8Array): Uint8Array
  readonly random: { bytes(length: number): Uint8Array; below(below: number): number }
}

/** What both sides have come to: how the bytes behind the handshake are to be treated. */
export interface MseAgreement {
  /** For all that is sent from now on; undefined: nothing is encrypted. */
  readonly encrypt: Rc4 | undefined
  readonly decrypt: Rc4
  /** So many of the bytes that come from now on are encrypted: infinitely many, or what is missing of IA. */
  readonly encryptedLeft: number
  /** What has come already, not decrypted. */
  readonly rest: Uint8Array
}

/** Our half of the key exchange. */
export class KeyExchange {
  readonly #tools: MseTools
  readonly #privateKey: Uint8Array

  constructor(tools: MseTools) {
    this.#tools = tools
    this.#privateKey = tools.random.bytes(DH_PRIVATE_KEY_LENGTH)
  }

  /** The first thing to send: our public key, and padding. */
  greeting(): Uint8Array {
    return concatBytes(publicKey(this.#privateKey), padding(this.#tools))
  }

  /** @throws ProtocolError for a public key that makes no secret */
  secret(theirPublicKey: Uint8Array): Uint8Array {
    const secret = sharedSecret(theirPublicKey, this.#privateKey)
    if (secret === undefined) throw new ProtocolError("its public key makes no secret")
    return secret
  }
}

/** By this the responder finds the end of PadA. */
export function syncHash({ sha1 }: MseTools, secret: Uint8Array): Uint8Array {
  return sha1(concatBytes(encodeUtf8("req1"), secret))
}

/** The name of a torrent, for those who know its infohash. */
export function skeyHash({ sha1 }: Pick<MseTools, "sha1">, skey: Uint8Array): Uint8Array {
  return sha1(concatBytes(encodeUtf8("req2"), skey))
}

/** Hides {@link skeyHash} in a way that differs each time, and shows it again. */
export function maskSkeyHash({ sha1 }: MseTools, secret: Uint8Array, hash: Uint8Array): Uint8Array {
  return sha1(concatBytes(encodeUtf8("req3"), secret)).map((byte, i) => byte ^ hash[i]!)
}

/** The ciphers of the two directions: what A sends, and what B sends. */
export function ciphersOf({ sha1 }: MseTools, secret: Uint8Array, skey: Uint8Array): { a: Rc4; b: Rc4 } {
  const cipher = (name: string): Rc4 => new Rc4(sha1(concatBytes(encodeUtf8(name), secret, skey)), RC4_DROP)
  return { a: cipher("keyA"), b: cipher("keyB") }
}

/** Random bytes that hide how long the rest is. */
export function padding({ random }: MseTools): Uint8Array {
  return random.bytes(random.below(MAX_PAD + 1))
}

/** Bytes that mean something to nobody before they are decrypted: VC, `methods`, the padding and its length. */
export function encodeFields(methods: number, pad: Uint8Array, ...behind: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(VC_LENGTH + 6)
  const view = new DataView(head.buffer)
  view.setUint32(VC_LENGTH, methods)
  view.setUint16(VC_LENGTH + 4, pad.length)
  return concatBytes(head, pad, ...behind)
}

/** Reads `methods` and the length of the padding, which stand behind VC. @throws ProtocolError when it is too long */
export function decodeFields(bytes: Uint8Array): { methods: number; padLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const padLength = view.getUint16(4)
  if (padLength > MAX_PAD) throw new ProtocolError(`padding of ${padLength} bytes`)
  return { methods: view.getUint32(0), padLength }
}
