import { describe, expect, test } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { WireEncoder } from "../../../src/wire/encoder.js"

describe("the encoder", () => {
  test("gathers messages until they are taken, and has nothing afterwards", () => {
    const encoder = new WireEncoder()
    expect(encoder.takeBytes()).toBeUndefined()
    encoder.keepAlive()
    encoder.unchoke()
    encoder.have(0x80000001)
    expect(encoder.length).toBe(18)
    expect(toHex(encoder.takeBytes()!)).toBe("00000000" + "0000000101" + "000000050480000001")
    expect(encoder.length).toBe(0)
    expect(encoder.takeBytes()).toBeUndefined()
  })

  test("writes the port of a DHT node", () => {
    const encoder = new WireEncoder()
    encoder.port(6881)
    expect(toHex(encoder.takeBytes()!)).toBe("00000003" + "09" + "1ae1")
  })

  test("never writes again into bytes it has handed out", () => {
    const encoder = new WireEncoder()
    const taken: [Uint8Array, string][] = []
    for (let i = 0; i < 2000; i++) {
      encoder.request(i, i, i)
      if (i % 7 !== 0) continue
      const bytes = encoder.takeBytes()!
      taken.push([bytes, toHex(bytes)])
    }
    for (const [bytes, hex] of taken) expect(toHex(bytes)).toBe(hex)
  })

  test("grows for a whole turn of messages", () => {
    const encoder = new WireEncoder()
    encoder.bitfield(new Uint8Array(50_000))
    for (let i = 0; i < 2000; i++) encoder.request(i, 0, 16384)
    expect(encoder.takeBytes()).toHaveLength(50_005 + 2000 * 17)
  })
})
