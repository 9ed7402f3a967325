import { describe, expect, test } from "vitest"
import { fromHex, toHex } from "../../../src/bytes/hex.js"
import { Rc4 } from "../../../src/wire/rc4.js"

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

describe("RC4", () => {
  test.each([
    ["Key", "Plaintext", "bbf316e8d940af0ad3"],
    ["Wiki", "pedia", "1021bf0420"],
    ["Secret", "Attack at dawn", "45a01f645fc35b383552544b9bf5"],
  ])("makes of key %s and text %s what everybody knows", (key, text, expected) => {
    expect(toHex(new Rc4(ascii(key), 0).apply(ascii(text)))).toBe(expected)
  })

  // RFC 6229, keys of 40 and 128 bits: 16 bytes of the key stream at several places.
  test.each([
    ["0102030405", 0, "b2396305f03dc027ccc3524a0a1118a8"],
    ["0102030405", 1024, "30abbcc7c20b01609f23ee2d5f6bb7df"],
    ["0102030405", 4096, "ff25b58995996707e51fbdf08b34d875"],
    ["0102030405060708090a0b0c0d0e0f10", 0, "9ac7cc9a609d1ef7b2932899cde41b97"],
    ["0102030405060708090a0b0c0d0e0f10", 1024, "bdf0324e6083dcc6d3cedd3ca8c53c16"],
  ])("with key %s is as in RFC 6229 after %i bytes", (key, drop, expected) => {
    expect(toHex(new Rc4(fromHex(key)!, drop).apply(new Uint8Array(16)))).toBe(expected)
  })

  test("is the same however the bytes are cut and wherever they lie in memory", () => {
    const whole = new Rc4(ascii("Key"), 0).apply(new Uint8Array(1000))
    for (let offset = 0; offset < 4; offset++) {
      for (const size of [1, 2, 3, 4, 5, 7, 8, 64, 255, 256, 257, 300, 1000]) {
        const cipher = new Rc4(ascii("Key"), 0)
        const bytes = new Uint8Array(1000 + offset).subarray(offset)
        for (let at = 0; at < bytes.length; at += size) cipher.apply(bytes.subarray(at, at + size))
        expect(bytes).toEqual(whole)
      }
    }
  })

  test("of two streams at once does not mix them", () => {
    const [one, other] = [new Rc4(ascii("Key"), 0), new Rc4(ascii("Wiki"), 0)]
    const [a, b] = [new Uint8Array(1200), new Uint8Array(1200)]
    for (let at = 0; at < 1200; at += 300) {
      one.apply(a.subarray(at, at + 300))
      other.apply(b.subarray(at, at + 300))
    }
    expect(a).toEqual(new Rc4(ascii("Key"), 0).apply(new Uint8Array(1200)))
    expect(b).toEqual(new Rc4(ascii("Wiki"), 0).apply(new Uint8Array(1200)))
  })
})
