import { describe, expect, test } from "vitest"
import { type EncryptionPolicy, providedMethods, selectMethod } from "../../../src/wire/encryption-policy.js"
import { CryptoMethod } from "../../../src/wire/mse.js"

const { plaintext, rc4 } = CryptoMethod
const both = plaintext | rc4

describe("within an encrypted handshake", () => {
  test.each<[EncryptionPolicy, number]>([
    ["allow", both],
    ["prefer", rc4],
    ["require", rc4],
  ])("who is to %s encryption offers %i", (policy, offer) => {
    expect(providedMethods(policy)).toBe(offer)
  })

  test.each<[EncryptionPolicy, { plaintext: number; rc4: number; both: number }]>([
    ["allow", { plaintext, rc4, both: plaintext }],
    ["prefer", { plaintext, rc4, both: rc4 }],
    ["require", { plaintext: 0, rc4, both: rc4 }],
    ["off", { plaintext: 0, rc4: 0, both: 0 }],
  ])("who is to %s encryption chooses nothing else of what is offered", (policy, chosen) => {
    expect(selectMethod(policy, plaintext)).toBe(chosen.plaintext)
    expect(selectMethod(policy, rc4)).toBe(chosen.rc4)
    expect(selectMethod(policy, both)).toBe(chosen.both)
    // A method that nobody knows.
    expect(selectMethod(policy, 4)).toBe(0)
  })
})
