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
  syncHash,
  VC_LENGTH,
} from "./mse.js"
import type { MseSteps } from "./mse-handshake.js"

/** Bytes of a SHA-1. */
const HASH_LENGTH = 20

/** Who accepts connections, as far as their encryption goes. */
export interface MseHost {
  readonly tools: MseTools
  /** The infohash whose `skeyHash` this is; undefined when we have no such torrent. */
  skeyOf(hash: Uint8Array): Uint8Array | undefined
  /** Chooses one of the methods (bits of {@link CryptoMethod}) that the other side provides; 0: none. */
  select(provided: number): number
}

/** What the accepting side knows in the end. */
export interface IncomingAgreement extends MseAgreement {
  /** The infohash. */
  readonly skey: Uint8Array
}

/**
 * The side of an encrypted handshake that accepted the connection.
 *
 * It answers the other side's key, which costs a millisecond, before it knows whether that knows an infohash: who may
 * make us do so, and how often, is for the owner to bound.
 */
export function mseResponder(host: MseHost, send: (bytes: Uint8Array) => void): MseSteps<IncomingAgreement> {
  const { tools } = host
  return function* (input) {
    const theirKey = yield* input.take(DH_KEY_LENGTH)
    let keys: KeyExchange
    let secret: Uint8Array
    // rtorrent leaves out leading zeros of the secret, where all others keep them. We speak second, and can avoid them.
    do {
      keys = new KeyExchange(tools)
      secret = keys.secret(theirKey)
    } while (secret[0] === 0)
    send(keys.greeting())

    yield* input.skipPast(syncHash(tools, secret), MAX_PAD)
    const skey = host.skeyOf(maskSkeyHash(tools, secret, yield* input.take(HASH_LENGTH)))
    if (skey === undefined) throw new ProtocolError("it wants a torrent that is not here")

    const { a, b } = ciphersOf(tools, secret, skey)
    const vc = a.apply(yield* input.take(VC_LENGTH))
    if (vc.some((byte) => byte !== 0)) throw new ProtocolError("its encryption is not ours")
    const { methods, padLength } = decodeFields(a.apply(yield* input.take(6)))
    a.apply(yield* input.take(padLength))
    const payloadLength = a.apply(yield* input.take(2))

    const selected = host.select(methods)
    if (selected === 0) throw new ProtocolError("it offers no encryption that we may use")
    send(b.apply(encodeFields(selected, padding(tools))))
    const all = selected === CryptoMethod.rc4
    return {
      skey,
      encrypt: all ? b : undefined,
      decrypt: a,
      encryptedLeft: all ? Number.POSITIVE_INFINITY : (payloadLength[0]! << 8) | payloadLength[1]!,
      rest: input.takeAll(),
    }
  }
}
