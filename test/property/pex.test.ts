import fc from "fast-check"
import { expect, test } from "vitest"
import { formatIp } from "../../src/bytes/ip.js"
import { ProtocolError } from "../../src/errors.js"
import { decodePex, encodePex } from "../../src/wire/pex-message.js"

const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatIp)
// In 2000::/3, so that none is an IPv4 address in another form.
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  bytes[0] = 0x20 | (bytes[0]! & 0x1f)
  return formatIp(bytes)
})
const address = (host: fc.Arbitrary<string>) => fc.record({ host, port: fc.integer({ min: 0, max: 65535 }) })
const peer = (host: fc.Arbitrary<string>) =>
  fc.record({ host, port: fc.integer({ min: 0, max: 65535 }), flags: fc.integer({ min: 0, max: 255 }) })

test("what is told is heard, IPv4 first", () => {
  fc.assert(
    fc.property(
      fc.array(peer(v4), { maxLength: 50 }),
      fc.array(peer(v6), { maxLength: 50 }),
      fc.array(address(v4), { maxLength: 50 }),
      fc.array(address(v6), { maxLength: 50 }),
      (added4, added6, dropped4, dropped6) => {
        const message = { added: [...added6, ...added4], dropped: [...dropped6, ...dropped4] }
        expect(decodePex(encodePex(message))).toEqual({
          added: [...added4, ...added6],
          dropped: [...dropped4, ...dropped6],
        })
      },
    ),
  )
})

test("of each list no more than 200 are heard, however many a peer names", () => {
  const many = (host: (n: number) => string) =>
    Array.from({ length: 300 }, (_, n) => ({ host: host(n), port: n + 1, flags: 0 }))
  const [v4, v6] = [many((n) => `1.2.${n >> 8}.${n & 255}`), many((n) => `2001:db8::${(n + 1).toString(16)}`)]
  const { added, dropped } = decodePex(encodePex({ added: [...v4, ...v6], dropped: [...v4, ...v6] }))
  expect(added).toEqual([...v4.slice(0, 200), ...v6.slice(0, 200)])
  expect(dropped).toHaveLength(400)
})

test("any bytes at all end in a bounded message or a protocol error", () => {
  const list = fc.uint8Array({ maxLength: 3000 })
  const dictionary = fc.tuple(list, list).map(([a, b]) => {
    const part = (key: string, bytes: Uint8Array) => [Buffer.from(`${key.length}:${key}${bytes.length}:`), bytes]
    return new Uint8Array(
      Buffer.concat([
        Buffer.from("d"),
        ...part("added", a),
        ...part("added.f", b),
        ...part("added6", b),
        Buffer.from("e"),
      ]),
    )
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), dictionary), (payload) => {
      try {
        const { added, dropped } = decodePex(payload)
        expect(added.length + dropped.length).toBeLessThanOrEqual(800)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
    }),
  )
})
