import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type BencodeInput, encode } from "../../src/metainfo/bencode.js"
import { rawMember } from "../../src/metainfo/raw-member.js"

const value: fc.Arbitrary<BencodeInput> = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 12 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie("value"), { maxKeys: 3 }),
  ),
})).value
/** Other keys before and behind, some of which contain the one that is looked for. */
const dictionary = fc.dictionary(fc.constantFrom("a", "announce", "info", "infos", "4:info", "nodes", "zz"), value)

describe("a member of a bencoded dictionary, by itself", () => {
  it("is what was encoded", () => {
    fc.assert(
      fc.property(dictionary, (members) => {
        const bytes = encode(members)
        for (const key of ["info", "zz", "none"]) {
          const encoding = Object.hasOwn(members, key) ? encode(members[key]!) : undefined
          expect(rawMember(bytes, key)).toEqual(encoding)
          // What follows the dictionary is not looked at.
          expect(rawMember(Uint8Array.of(...bytes, 0x7a), key)).toEqual(encoding)
        }
      }),
    )
  })

  it("is nothing when the input ends before it does", () => {
    fc.assert(
      fc.property(dictionary, fc.nat(), (members, cut) => {
        const bytes = encode({ ...members, info: members["info"] ?? "x" })
        const found = rawMember(bytes, "info")!
        const end = found.byteOffset - bytes.byteOffset + found.length
        expect(rawMember(bytes.subarray(0, cut % end), "info")).toBeUndefined()
        expect(rawMember(bytes.subarray(0, end), "info")).toEqual(found)
      }),
    )
  })

  it("is nothing in bytes that are no dictionary", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(rawMember(bytes, "info")).toBeUndefined()
      }),
    )
    for (const text of [
      "",
      "d",
      "le",
      "de",
      "d4:info",
      "d4:infoe",
      "d4:infoi1",
      "d4:info9:ab",
      "d4:info:e",
      "di1e4:infoe",
    ])
      expect(rawMember(Buffer.from(text), "info"), text).toBeUndefined()
  })
})
