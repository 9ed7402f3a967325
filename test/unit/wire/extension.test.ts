import { describe, expect, test } from "vitest"
import { encode } from "../../../src/metainfo/bencode.js"
import { decodeExtensionHandshake, encodeExtensionHandshake } from "../../../src/wire/extension.js"

const utf8 = (text: string) => new TextEncoder().encode(text)

describe("the extended handshake", () => {
  test("reads the example of BEP 10", () => {
    const payload = Buffer.from("d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e", "latin1")
    expect(decodeExtensionHandshake(payload)).toEqual({
      messages: new Map([
        ["LT_metadata", 1],
        ["µT_PEX", 2],
      ]),
      listenPort: 6881,
      client: "µTorrent 1.2",
    })
  })

  test("is read back as it was written", () => {
    const handshake = {
      messages: new Map([["ut_metadata", 2]]),
      client: "academictorrents 1.0",
      listenPort: 51413,
      requestQueue: 500,
      yourAddress: Uint8Array.of(10, 0, 0, 1),
      uploadOnly: true,
      prefersEncryption: true,
      metadataSize: 31235,
    }
    expect(decodeExtensionHandshake(encodeExtensionHandshake(handshake))).toEqual(handshake)
  })

  test("leaves out what it is not told", () => {
    expect(Buffer.from(encodeExtensionHandshake({ messages: new Map() })).toString()).toBe("d1:mdee")
    expect(decodeExtensionHandshake(utf8("de"))).toEqual({ messages: new Map() })
  })

  test("takes values that make no sense as absent", () => {
    const payload = encode({
      m: { a: 256, b: -1, c: "x", d: 255, e: 0, [`f${"x".repeat(200)}`]: 7 },
      p: 65536,
      reqq: -4,
      v: 7,
      yourip: "12345",
      upload_only: "yes",
      metadata_size: 64 << 20,
    })
    expect(decodeExtensionHandshake(payload)).toEqual({
      messages: new Map([
        ["d", 255],
        ["e", 0],
      ]),
    })
  })

  test("bounds what it keeps of a stranger's words", () => {
    const m = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`, 1 + (i % 255)]))
    const handshake = decodeExtensionHandshake(encode({ m, v: "v".repeat(10_000), reqq: 1e9 }))
    expect(handshake?.messages.size).toBe(64)
    expect(handshake?.client).toHaveLength(128)
    expect(handshake?.requestQueue).toBe(65536)
  })

  test.each(["", "le", "i5e", "d1:m", "d1:mdei5e"])("is not to be had from %j", (payload) => {
    expect(decodeExtensionHandshake(utf8(payload))).toBeUndefined()
  })
})
