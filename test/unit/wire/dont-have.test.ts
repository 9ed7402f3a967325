import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import { decodeDontHave, encodeDontHave } from "../../../src/wire/dont-have.js"

describe("the message of a lost piece", () => {
  test("is the piece's index in four bytes (BEP 54)", () => {
    expect(encodeDontHave(0x01020304)).toEqual(Uint8Array.of(1, 2, 3, 4))
  })

  test("is read as it was written, wherever it lies", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(9), (piece, at) => {
        const bytes = new Uint8Array(at + 5).fill(0xff)
        bytes.set(encodeDontHave(piece), at)
        expect(decodeDontHave(bytes.subarray(at, at + 4))).toBe(piece)
      }),
    )
  })

  test("is refused when it is shorter or longer", () => {
    for (const length of [0, 1, 3, 5, 8, 1 << 20])
      expect(() => decodeDontHave(new Uint8Array(length))).toThrow(ProtocolError)
  })
})
