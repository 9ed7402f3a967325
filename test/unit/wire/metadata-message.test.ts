import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  metadataPieceCount,
  metadataPieceLength,
} from "../../../src/wire/metadata-message.js"

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"))

describe("a message of the metadata extension", () => {
  test("is written as in the examples of BEP 9", () => {
    expect(encodeMetadataRequest(0)).toEqual(bytes("d8:msg_typei0e5:piecei0ee"))
    expect(encodeMetadataReject(0)).toEqual(bytes("d8:msg_typei2e5:piecei0ee"))
    const data = encodeMetadataData(new Uint8Array(3425).fill(0x78), 0)
    expect(data).toEqual(bytes(`d8:msg_typei1e5:piecei0e10:total_sizei3425ee${"x".repeat(3425)}`))
  })

  test("of an unknown type is ignored", () => {
    expect(decodeMetadataMessage(bytes("d8:msg_typei3e5:piecei0ee"))).toBeUndefined()
    expect(decodeMetadataMessage(bytes("d8:msg_typei-1e5:piecei0ee"))).toBeUndefined()
  })

  test.each(["", "i5e", "d8:msg_typei0ee", "d5:piecei0ee", "d8:msg_typei0e5:piecei-1ee", "d8:msg_type1:05:piecei0ee"])(
    "is refused when it is %j",
    (text) => {
      expect(() => decodeMetadataMessage(bytes(text))).toThrow(ProtocolError)
    },
  )

  test("costs no more than a small dictionary, whatever it holds", () => {
    expect(() => decodeMetadataMessage(bytes(`d1:a${"l".repeat(100)}`))).toThrow(ProtocolError)
    expect(() => decodeMetadataMessage(bytes(`d1:al${"i1e".repeat(1000)}ee`))).toThrow(ProtocolError)
  })
})

test("the last piece has what is left", () => {
  expect(metadataPieceCount(1)).toBe(1)
  expect(metadataPieceCount(16384)).toBe(1)
  expect(metadataPieceCount(16385)).toBe(2)
  expect([0, 1, 2].map((piece) => metadataPieceLength(16385, piece))).toEqual([16384, 1, 0])
})
