import { toHex } from "../bytes/hex.js"

/** Bytes of a public key and of the shared secret: 768 bits. */
export const DH_KEY_LENGTH = 96
/** Bytes of a private key; more than 160 bits would be no safer, since RC4's keys are SHA-1 digests. */
export const DH_PRIVATE_KEY_LENGTH = 20

/** The prime of message stream encryption: a safe one, close to that of RFC 2409's first group and not the same. */
const PRIME = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563",
)
const GENERATOR = 2n

/** What the other side is sent. Takes half a millisecond, as does {@link sharedSecret}. */
export function publicKey(privateKey: Uint8Array): Uint8Array {
  return toBytes(power(GENERATOR, toNumber(privateKey)))
}

/** Undefined for a public key that would make the secret one of three numbers, whatever the private key is. */
export function sharedSecret(theirPublicKey: Uint8Array, privateKey: Uint8Array): Uint8Array | undefined {
  const key = toNumber(theirPublicKey)
  if (key < 2n || key >= PRIME - 1n) return undefined
  return toBytes(power(key, toNumber(privateKey)))
}

/** Square and multiply. It need not take the same time for all keys: what it guards is worth no such attack. */
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % PRIME
    square = (square * square) % PRIME
  }
  return result
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`)
}

function toBytes(number: bigint): Uint8Array {
  const bytes = new Uint8Array(DH_KEY_LENGTH)
  for (let at = DH_KEY_LENGTH - 1, left = number; at >= 0; at--, left >>= 8n) bytes[at] = Number(left & 0xffn)
  return bytes
}
