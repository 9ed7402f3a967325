import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import {
  decodeHandshake,
  decodeHandshakeHead,
  encodeHandshake,
  HANDSHAKE_HEAD_LENGTH,
  startsLikeHandshake,
} from "../../../src/wire/handshake.js"

const infoHash = new Uint8Array(20).fill(0xaa)
const peerId = new TextEncoder().encode("-AT0100-abcdefghijkl")

describe("the handshake", () => {
  test("has the bytes of BEP 3, with the bits of BEP 10 and BEP 6", () => {
    const text = Buffer.from(encodeHandshake(infoHash, peerId)).toString("latin1")
    expect(text).toBe(`\x13BitTorrent protocol\0\0\0\0\0\x10\0\x04${"\xaa".repeat(20)}-AT0100-abcdefghijkl`)
  })

  test("is read back as it was written, and keeps no view of the bytes", () => {
    const bytes = encodeHandshake(infoHash, peerId)
    const handshake = decodeHandshake(bytes)
    bytes.fill(0)
    expect(handshake).toEqual({ infoHash, peerId, extended: true, fast: true, v2: false, dht: false })
  })

  test("says whether its sender takes part in the DHT (BEP 5)", () => {
    const bytes = encodeHandshake(infoHash, peerId, { dht: true })
    expect(bytes[27]).toBe(0x05)
    expect(decodeHandshake(bytes)).toMatchObject({ fast: true, dht: true })
  })

  test("without reserved bits offers no extension", () => {
    const bytes = encodeHandshake(infoHash, peerId)
    bytes.fill(0, 20, 28)
    expect(decodeHandshake(bytes)).toMatchObject({ extended: false, fast: false })
  })

  test("says that it knows v2 with the bit of BEP 52", () => {
    const bytes = encodeHandshake(infoHash, peerId, { v2: true })
    expect([...bytes.subarray(20, 28)]).toEqual([0, 0, 0, 0, 0, 0x10, 0, 0x14])
    expect(decodeHandshake(bytes)).toMatchObject({ extended: true, fast: true, v2: true })
  })

  test("gives the infohash before the peer id has come", () => {
    const head = decodeHandshakeHead(encodeHandshake(infoHash, peerId).subarray(0, HANDSHAKE_HEAD_LENGTH))
    expect(head.infoHash).toEqual(infoHash)
  })

  test("of another protocol is refused, and known by its first bytes", () => {
    const http = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example.org\r\nAccept: text/html\r\n\r\n".padEnd(68))
    expect(() => decodeHandshake(http)).toThrow(ProtocolError)
    expect(startsLikeHandshake(http.subarray(0, 1))).toBe(false)
    expect(startsLikeHandshake(new Uint8Array([19, 0x42]))).toBe(true)
    expect(startsLikeHandshake(new Uint8Array([19, 0x62]))).toBe(false)
  })
})
