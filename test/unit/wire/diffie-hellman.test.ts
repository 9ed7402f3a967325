import { createDiffieHellman } from "node:crypto"
import { describe, expect, test } from "vitest"
import { fromHex } from "../../../src/bytes/hex.js"
import { publicKey, sharedSecret } from "../../../src/wire/diffie-hellman.js"

const PRIME =
  "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563"

const bytes = (hex: string): Uint8Array => fromHex(hex.padStart(192, "0"))!

describe("the key exchange", () => {
  test("is OpenSSL's", () => {
    const theirs = createDiffieHellman(PRIME, "hex", 2)
    for (let i = 0; i < 20; i++) {
      const ours = new Uint8Array(20).map((_, at) => (i * 37 + at * 101 + 1) & 255)
      theirs.generateKeys()
      const theirKey = bytes(theirs.getPublicKey("hex"))
      const secret = theirs.computeSecret(Buffer.from(publicKey(ours))).toString("hex")
      expect(sharedSecret(theirKey, ours)).toEqual(bytes(secret))
    }
  })

  test("keeps zeros in front", () => {
    expect(publicKey(Uint8Array.of(3))).toEqual(bytes("08"))
    expect(sharedSecret(bytes("02"), Uint8Array.of(5))).toEqual(bytes("20"))
  })

  test.each(["00", "01", `${PRIME.slice(0, -1)}2`, PRIME, "f".repeat(192)])(
    "refuses the public key %s, of which no secret comes",
    (hex) => {
      expect(sharedSecret(bytes(hex), new Uint8Array(20).fill(7))).toBeUndefined()
    },
  )
})
