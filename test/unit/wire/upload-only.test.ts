import fc from "fast-check"
import { expect, test } from "vitest"
import { decodeUploadOnly, encodeUploadOnly } from "../../../src/wire/upload-only.js"

test("whether a peer wants nothing is one byte, and no other length", () => {
  for (const said of [true, false]) expect(decodeUploadOnly(encodeUploadOnly(said))).toBe(said)
  fc.assert(
    fc.property(fc.uint8Array(), (payload) => {
      if (payload.length === 1) expect(decodeUploadOnly(payload)).toBe(payload[0] !== 0)
      else expect(decodeUploadOnly(payload)).toBeUndefined()
    }),
  )
})
