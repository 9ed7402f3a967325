import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromHex, toHex } from "../../../src/bytes/hex.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import type { AnnounceEvent, AnnounceRequest } from "../../../src/tracker/announce.js"
import {
  decodeAnnounce,
  decodeConnect,
  decodeError,
  decodeHeader,
  decodeScrape,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
} from "../../../src/tracker/udp-announce.js"
import { compact, INFO_HASH, PEER_ID } from "./fake-trackers.js"

const request: AnnounceRequest = {
  infoHash: INFO_HASH,
  peerId: PEER_ID,
  key: 0xdeadbeef,
  event: "started",
  stats: { downloaded: 0x1_0000_0001, left: 1_354_135_939_103, uploaded: 3, port: 6881, numWant: 100 },
}

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(" ", ""))!
const options = (urlData: string): Uint8Array => encodeAnnounce(1n, 2, request, urlData).subarray(98)

/** The URL data that a tracker puts together from BEP 41 options. */
function readOptions(bytes: Uint8Array): Uint8Array {
  const parts: number[] = []
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    if (bytes[at] === 1) at++
    else {
      const length = bytes[at + 1]!
      if (bytes[at] === 2) parts.push(...bytes.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  return Uint8Array.from(parts)
}

describe("UDP tracker requests (BEP 15)", () => {
  it("ask for a connection id", () => {
    expect(toHex(encodeConnect(0x01020304))).toBe("0000041727101980" + "00000000" + "01020304")
  })

  it("announce with each field in its place", () => {
    expect(toHex(encodeAnnounce(0x0102030405060708n, 0x11121314, request, ""))).toBe(
      "0102030405060708" +
        "00000001" +
        "11121314" +
        toHex(INFO_HASH) +
        toHex(PEER_ID) +
        "0000000100000001" +
        "0000013b48caa81f" +
        "0000000000000003" +
        "00000002" +
        "00000000" +
        "deadbeef" +
        "00000064" +
        "1ae1",
    )
  })

  it.each([
    ["none", 0, 100],
    ["completed", 1, 100],
    ["started", 2, 100],
    ["stopped", 3, 0],
  ] as const)("number the event %s, and want no peers at the end", (event: AnnounceEvent, number, wanted) => {
    const view = new DataView(encodeAnnounce(1n, 2, { ...request, event }, "").buffer)
    expect([view.getUint32(80), view.getInt32(92)]).toEqual([number, wanted])
  })

  it("scrape one torrent", () => {
    expect(toHex(encodeScrape(1n, 2, INFO_HASH))).toBe(`0000000000000001${"00000002"}${"00000002"}${toHex(INFO_HASH)}`)
  })

  it("carry the path and query of the URL as BEP 41 shows", () => {
    expect(options("/dir?a=b&c=d")).toEqual(Uint8Array.from([0x2, 0xc, ...encodeUtf8("/dir?a=b&c=d")]))
    expect(options("")).toHaveLength(0)
  })

  it("carry a path of any length in parts of 255 bytes", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 1000 }), (text) => {
        expect(readOptions(options(text))).toEqual(encodeUtf8(text))
      }),
    )
    expect(options("x".repeat(510))).toHaveLength(514)
  })
})

describe("UDP tracker answers (BEP 15)", () => {
  it("give the connection id, and may be longer than they need", () => {
    const answer = hex("00000000 01020304 8877665544332211 ff")
    expect(decodeHeader(answer)).toEqual({ action: 0, transactionId: 0x01020304 })
    expect(decodeConnect(answer)).toBe(0x8877665544332211n)
  })

  it("give interval, counts and peers of the socket's family", () => {
    const head = "00000001 00000002 00000708 00000005 00000009"
    expect(decodeAnnounce(hex(`${head}${toHex(compact("203.0.113.9:6881"))}`), 4)).toEqual({
      interval: 1800,
      leechers: 5,
      seeds: 9,
      peers: [{ host: "203.0.113.9", port: 6881 }],
    })
    expect(decodeAnnounce(hex(`${head} 20010db8000000000000000000000001 1ae1`), 6)?.peers).toEqual([
      { host: "2001:db8::1", port: 6881 },
    ])
    expect(decodeAnnounce(hex(`${head} 20010db8000000000000000000000001 1a`), 6)?.peers).toEqual([])
  })

  it("give the counts of a scrape, and the words of an error", () => {
    expect(decodeScrape(hex("00000002 00000002 0000000a 0000000b 0000000c"))).toEqual({
      seeds: 10,
      downloads: 11,
      leechers: 12,
    })
    expect(decodeError(Uint8Array.from([0, 0, 0, 3, 0, 0, 0, 1, ...encodeUtf8("no such torrent\0")]))).toMatch(
      /^no such torrent/,
    )
    expect(decodeError(new Uint8Array(8))).toBe("the tracker gave no reason")
    expect(decodeError(new Uint8Array(65_000).fill(0xff)).length).toBeLessThanOrEqual(300)
  })

  it("of any bytes give peers that can be, or nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(4 as const, 6 as const), (bytes, family) => {
        decodeHeader(bytes)
        decodeConnect(bytes)
        decodeScrape(bytes)
        decodeError(bytes)
        const answer = decodeAnnounce(bytes, family)
        expect(answer === undefined).toBe(bytes.length < 20)
        for (const { host, port } of answer?.peers ?? []) {
          expect(port).toBeGreaterThan(0)
          expect(host).not.toMatch(/^(0\.|22[4-9]\.|2[3-5]\d\.|ff..:|fe[89ab].:)/)
        }
        // What can't be an interval is none.
        if (answer !== undefined) expect(answer.interval).toBe(Math.max(Buffer.from(bytes).readInt32BE(8), 0))
      }),
    )
  })
})
