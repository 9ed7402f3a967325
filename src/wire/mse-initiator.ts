import { concatBytes } from "../bytes/concat.js"
import { ProtocolError } from "../errors.js"
import { DH_KEY_LENGTH } from "./diffie-hellman.js"
import {
  CryptoMethod,
  ciphersOf,
  decodeFields,
  encodeFields,
  KeyExchange,
  MAX_PAD,
  type MseAgreement,
  type MseTools,
  maskSkeyHash,
  padding,
  skeyHash,
  syncHash,
  VC_LENGTH,
} from "./mse.js"
import type { MseSteps } from "./mse-handshake.js"

export interface MseInitiatorOptions {
  readonly tools: MseTools
  /** The infohash. */
  readonly skey: Uint8Array
  /** Bits of {@link CryptoMethod}: what the other side may choose from. */
  readonly provide: number
  readonly send: (bytes: Uint8Array) => void
  /** What there is to say when the other side's key is in; at most 65,535 bytes. */
  readonly initialPayload: () => Uint8Array
}

/** The side of an encrypted handshake that opened the connection. It speaks first. */
export function mseInitiator(options: MseInitiatorOptions): MseSteps<MseAgreement> {
  const { tools, skey, provide, send, initialPayload } = options
  return function* (input) {
    const keys = new KeyExchange(tools)
    send(keys.greeting())
    const secret = keys.secret(yield* input.take(DH_KEY_LENGTH))

    const { a, b } = ciphersOf(tools, secret, skey)
    const payload = initialPayload()
    const fields = encodeFields(provide, padding(tools), Uint8Array.of(payload.length >> 8, payload.length), payload)
    const hiddenSkey = maskSkeyHash(tools, secret, skeyHash(tools, skey))
    send(concatBytes(syncHash(tools, secret), hiddenSkey, a.apply(fields)))

    yield* input.skipPast(b.apply(new Uint8Array(VC_LENGTH)), MAX_PAD)
    const { methods, padLength } = decodeFields(b.apply(yield* input.take(6)))
    const isOne = methods === CryptoMethod.rc4 || methods === CryptoMethod.plaintext
    if (!isOne || (methods & provide) === 0) throw new ProtocolError("it chose an encryption that was not offered")
    b.apply(yield* input.take(padLength))
    const all = methods === CryptoMethod.rc4
    return {
      encrypt: all ? a : undefined,
      decrypt: b,
      encryptedLeft: all ? Number.POSITIVE_INFINITY : 0,
      rest: input.takeAll(),
    }
  }
}
