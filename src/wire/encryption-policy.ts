import { CryptoMethod } from "./mse.js"

/**
 * - `allow`: connections in plain first, encrypted where that fails; both are accepted, and plain is chosen where the
 *   other side leaves it to us
 * - `prefer`: encrypted first, in plain where that fails; both are accepted, and encryption is chosen
 * - `require`: encrypted all along, or not at all
 * - `off`: in plain
 */
export type EncryptionPolicy = "allow" | "prefer" | "require" | "off"

/** What we offer in an encrypted handshake: who prefers encryption wants all of it. Transmission does the same. */
export function providedMethods(policy: EncryptionPolicy): number {
  return policy === "allow" ? CryptoMethod.plaintext | CryptoMethod.rc4 : CryptoMethod.rc4
}

/** What we choose of an offer; 0: nothing of it will do. */
export function selectMethod(policy: EncryptionPolicy, provided: number): number {
  const { plaintext, rc4 } = CryptoMethod
  const wishes = { allow: [plaintext, rc4], prefer: [rc4, plaintext], require: [rc4], off: [] }[policy]
  return wishes.find((method) => (provided & method) !== 0) ?? 0
}
