import fc from "fast-check"
import { expect, test } from "vitest"
import { decodeAnnounce, encodeAnnounce, MAX_DATAGRAM, roomForHashes } from "../../src/lsd/announce.js"

const HOST = "[ff15::efc0:988f]:6771"
const infoHash = fc.uint8Array({ minLength: 20, maxLength: 20 })
const cookie = fc.stringMatching(/^[0-9a-f]{16}$/)
const port = fc.integer({ min: 1, max: 65535 })

test("what is announced is heard, and fits into one datagram", () => {
  const room = roomForHashes(HOST, "0123456789abcdef")
  expect(room).toBeGreaterThan(20)
  fc.assert(
    fc.property(port, fc.array(infoHash, { minLength: 1, maxLength: room }), cookie, (port, infoHashes, cookie) => {
      const datagram = encodeAnnounce(HOST, { port, infoHashes, cookie })
      expect(datagram.length).toBeLessThanOrEqual(MAX_DATAGRAM)
      expect(decodeAnnounce(datagram)).toEqual({ port, infoHashes, cookie })
    }),
  )
})

test("names of headers are taken in either case, and others passed over", () => {
  const name = fc.stringMatching(/^[A-Za-z-]{1,12}$/).filter((text) => !/^(port|infohash|cookie)$/i.test(text))
  const other = fc.tuple(name, fc.stringMatching(/^[ -~]{0,30}$/)).map(([key, value]) => `${key}: ${value}`)
  const either = (text: string) => fc.mixedCase(fc.constant(text))
  fc.assert(
    fc.property(port, either("Port"), either("Infohash"), fc.array(other, { maxLength: 5 }), (port, p, i, others) => {
      const known = [`${p}:${port}`, `${i}:  ${"ab".repeat(20)} `]
      const text = ["BT-SEARCH * HTTP/1.1", ...others, ...known, "", "", ""].join("\r\n")
      const infoHashes = [new Uint8Array(20).fill(0xab)]
      expect(decodeAnnounce(Buffer.from(text, "latin1"))).toEqual({ port, infoHashes, cookie: undefined })
    }),
  )
})

test("any bytes at all are a bounded announce or none", () => {
  const line = fc.oneof(
    fc.constantFrom("Port: 0", "Port: 65536", "Port: 6881", "Port: 1e3", "Infohash: 00", ":", "cookie:", ""),
    infoHash.map((bytes) => `Infohash: ${Buffer.from(bytes).toString("hex")}`),
    fc.string({ maxLength: 60 }),
  )
  const lines = fc
    .array(line, { maxLength: 60 })
    .map((rest) => new Uint8Array(Buffer.from(["BT-SEARCH * HTTP/1.1", ...rest].join("\r\n"))))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 2000 }), lines), (datagram) => {
      const announce = decodeAnnounce(datagram)
      if (announce === undefined) return
      expect(datagram.length).toBeLessThanOrEqual(1500)
      expect(announce.port).toBeGreaterThan(0)
      expect(announce.port).toBeLessThanOrEqual(65535)
      expect(announce.infoHashes.length).toBeGreaterThan(0)
      expect(announce.infoHashes.length).toBeLessThanOrEqual(30)
      for (const one of announce.infoHashes) expect(one).toHaveLength(20)
    }),
  )
})
