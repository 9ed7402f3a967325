import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { formatIp } from "../../../src/bytes/ip.js"
import { ProtocolError } from "../../../src/errors.js"
import { decodeHolepunch, encodeHolepunch, type HolepunchMessage } from "../../../src/wire/holepunch-message.js"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const host = fc.oneof(
  bytes(4).map(formatIp),
  // In 2000::/3, so that none is an IPv4 address in another form.
  bytes(16).map((address) => formatIp(address.with(0, 0x20 | (address[0]! & 0x1f)))),
)
const message: fc.Arbitrary<HolepunchMessage> = fc
  .record({
    kind: fc.constantFrom("rendezvous" as const, "connect" as const, "error" as const),
    host,
    port: fc.nat(65535),
    error: fc.nat(0xffffffff),
  })
  .map((made) => ({ ...made, error: made.kind === "error" ? made.error : 0 }))

describe("messages of hole punching", () => {
  test("are laid out as BEP 55 says", () => {
    expect(encodeHolepunch({ kind: "connect", host: "1.2.3.4", port: 0x1ae1, error: 0 })).toEqual(
      Uint8Array.of(1, 0, 1, 2, 3, 4, 0x1a, 0xe1, 0, 0, 0, 0),
    )
    expect(encodeHolepunch({ kind: "error", host: "2001:db8::7", port: 80, error: 3 })).toEqual(
      Uint8Array.of(2, 1, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 80, 0, 0, 0, 3),
    )
    expect(encodeHolepunch({ kind: "rendezvous", host: "a.name", port: 80, error: 0 })).toBeUndefined()
  })

  test("are read as they were written, wherever they lie", () => {
    fc.assert(
      fc.property(message, fc.nat(9), (made, at) => {
        const payload = encodeHolepunch(made)!
        const all = new Uint8Array(at + payload.length + 5).fill(0xff)
        all.set(payload, at)
        expect(decodeHolepunch(all.subarray(at, at + payload.length))).toEqual(made)
        expect(decodeHolepunch(all.subarray(at))).toEqual(made)
      }),
    )
  })

  test("may leave an error out that they do not have, as libtorrent's do", () => {
    fc.assert(
      fc.property(message, (made) => {
        const payload = encodeHolepunch(made)!.subarray(0, -4)
        if (made.kind === "error") expect(() => decodeHolepunch(payload)).toThrow(ProtocolError)
        else expect(decodeHolepunch(payload)).toEqual(made)
        expect(() => decodeHolepunch(payload.subarray(0, -1))).toThrow(ProtocolError)
      }),
    )
  })

  test("end in a message, in nothing or in a protocol error, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
        try {
          const read = decodeHolepunch(payload)
          if (payload[0]! > 2 || payload[1]! > 1) expect(read).toBeUndefined()
          else expect(read).toMatchObject({ port: expect.any(Number) as number })
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
    )
  })
})
