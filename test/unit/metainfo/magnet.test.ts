import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { toBase32 } from "../../../src/bytes/base32.js"
import { toHex } from "../../../src/bytes/hex.js"
import { AtError } from "../../../src/errors.js"
import { parseInfoHash } from "../../../src/metainfo/info-hash.js"
import { parseMagnet } from "../../../src/metainfo/magnet.js"

const HEX = "323a0048d87ca79b68f12a6350a57776b6a3b7fb"
const HEX2 = "ab".repeat(32)

describe("an infohash", () => {
  it("is read from hexadecimal and base32 of either case", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        for (const text of [toHex(bytes), toHex(bytes).toUpperCase(), toBase32(bytes), toBase32(bytes).toLowerCase()]) {
          expect(parseInfoHash(text)).toEqual({ version: 1, bytes })
        }
      }),
    )
  })

  it("of v2 has 64 digits", () => {
    expect(parseInfoHash(HEX2)).toEqual({ version: 2, bytes: new Uint8Array(32).fill(0xab) })
  })

  it.each(["", HEX.slice(1), `${HEX}0`, `g${HEX.slice(1)}`, "1".repeat(32), ` ${HEX.slice(1)}`, "g".repeat(64)])(
    "is not %j",
    (text) => {
      expect(parseInfoHash(text)).toBeUndefined()
    },
  )
})

describe("a magnet link", () => {
  it("needs nothing but an infohash", () => {
    const magnet = parseMagnet(`magnet:?xt=urn:btih:${HEX}`)
    expect(toHex(magnet.infoHash!)).toBe(HEX)
    expect(magnet).toMatchObject({
      infoHashV2: null,
      name: null,
      trackers: [],
      webSeeds: [],
      peers: [],
      selectOnly: null,
    })
  })

  it("is read with all it may say", () => {
    const tracker = encodeURIComponent("http://tracker.example/announce?passkey=a+b&x=1")
    const magnet = parseMagnet(
      ` MAGNET:?dn=a+b%26c+%E6%95%B0&XT=URN:BTIH:${HEX.toUpperCase()}&xt.2=urn:btmh:1220${HEX2}&tr=${tracker}&tr.1=udp://u.example:1` +
        `&tr=${tracker}&ws=https://seed.example/x%20y&ws=ftp://old.example/&x.pe=10.0.0.1:6881&x.pe=[2001:db8::1]:80&x.pe=host.example:1` +
        "&so=0,2,4-6&as=unknown&tr=&flag ",
    )
    expect(toHex(magnet.infoHash!)).toBe(HEX)
    expect(toHex(magnet.infoHashV2!)).toBe(HEX2)
    expect(magnet.name).toBe("a b&c 数")
    expect(magnet.trackers).toEqual(["http://tracker.example/announce?passkey=a+b&x=1", "udp://u.example:1"])
    expect(magnet.webSeeds).toEqual(["https://seed.example/x y"])
    expect(magnet.peers).toEqual([
      { host: "10.0.0.1", port: 6881 },
      { host: "2001:db8::1", port: 80 },
      { host: "host.example", port: 1 },
    ])
    expect(magnet.selectOnly).toEqual([
      { first: 0, last: 0 },
      { first: 2, last: 2 },
      { first: 4, last: 6 },
    ])
  })

  it("may name its infohash in base32, or by v2 alone", () => {
    const bytes = parseInfoHash(HEX)!.bytes
    expect(parseMagnet(`magnet:?xt=urn:btih:${toBase32(bytes)}`).infoHash).toEqual(bytes)
    expect(parseMagnet(`magnet:?xt=urn:btmh:1220${HEX2}`).infoHash).toBeNull()
  })

  it("leaves malformed peers out", () => {
    const peers = ["x", "1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", "::1:80", "[::1]", "[x]:1", "a b:1", "u@h/:1"]
    const link = `magnet:?xt=urn:btih:${HEX}${peers.map((peer) => `&x.pe=${peer}`).join("")}`
    expect(parseMagnet(link).peers).toEqual([])
  })

  it("is read whatever is encoded wrongly in its name and its hints, which then stays as it is", () => {
    const read = (more: string) => parseMagnet(`magnet:?xt=urn:btih:${HEX}${more}`)
    expect(read("&dn=100% real+caf%C3%A9").name).toBe("100% real café")
    // Latin-1, GBK, and cut off.
    for (const name of ["caf%E9", "%CA%FD%BE%DD.zip", "%E0%A4%A"]) expect(read(`&dn=${name}`).name).toBe(name)
    const hints = read("&tr=http%3A%2F%2Ft.example%2Fann%ZZ&ws=http://w.example/b%E9.iso&x.pe=%ff&other=%")
    expect(hints).toMatchObject({ trackers: ["http://t.example/ann%ZZ"], webSeeds: ["http://w.example/b%E9.iso"] })
    expect(hints.peers).toEqual([])
  })

  it.each([
    "",
    HEX,
    "magnet:",
    "magnet:?",
    "magnet:?dn=x",
    "magnet:?xt=urn:sha1:abc",
    `magnet:?xt=urn:btih:${HEX.slice(1)}`,
    `magnet:?xt=urn:btih:${HEX2}`,
    `magnet:?xt=urn:btmh:1114${HEX}`,
    `magnet:?xt=urn:btmh:1620${HEX2}`,
    `magnet:?xt=urn:btmh:1221${HEX2}`,
    `magnet:?xt=urn:btih:${HEX}&xt=urn:btih:${"0".repeat(40)}`,
    `magnet:?xt=urn:btih:${HEX}%E9`,
    `magnet:?xt=%E9urn:btih:${HEX}`,
    `magnet:?xt=urn:btih:${HEX}&so=1%`,
    `magnet:?xt=urn:btih:${HEX}&so=x`,
    `magnet:?xt=urn:btih:${HEX}&so=3-1`,
    `magnet:?xt=urn:btih:${HEX}&so=-1`,
    `magnet:?xt=urn:btih:${HEX}&so=1,,2`,
    `magnet:?xt=urn:btih:${HEX}&tr=${"x".repeat(1 << 20)}`,
  ])("is refused as wrong input: %.60s", (link) => {
    expect(() => parseMagnet(link)).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
  })

  it("is read or refused with an AtError, whatever it is", () => {
    const part = fc.constantFrom(
      "magnet:?",
      "xt=",
      "urn:btih:",
      HEX,
      "&",
      "so=",
      "x.pe=",
      "[::1]:1",
      "%",
      "%41",
      "=",
      "1-2",
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 12 }), (parts) => {
        try {
          parseMagnet(parts.join(""))
        } catch (error) {
          expect(error).toBeInstanceOf(AtError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
