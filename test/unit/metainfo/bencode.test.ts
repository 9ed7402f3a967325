import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeUtf8, toLatin1 } from "../../../src/bytes/text.js"
import { ProtocolError } from "../../../src/errors.js"
import {
  asDictionary,
  asInteger,
  asList,
  asText,
  type BencodeDictionary,
  BencodeError,
  type BencodeInput,
  type BencodeValue,
  decode,
  decodePrefix,
  Encoded,
  encode,
} from "../../../src/metainfo/bencode.js"
import { anyText } from "../../support/any-text.js"

const utf8 = encodeUtf8
const text = (bytes: Uint8Array): string => toLatin1(bytes)
const dictionary = (source: string): BencodeDictionary => asDictionary(decode(utf8(source)))!

function faultOf(source: string | Uint8Array): string {
  try {
    decode(typeof source === "string" ? utf8(source) : source)
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    return (error as BencodeError).fault
  }
  return "accepted"
}

const bencodeInput = fc.letrec<{ value: BencodeInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }),
    fc.uint8Array({ maxLength: 40 }),
    anyText({ maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(fc.string({ unit: "grapheme", maxLength: 6 }), tie("value"), { maxKeys: 30, noNullPrototype: true }),
  ),
})).value

describe("decoding", () => {
  it("reads integers, strings, lists and dictionaries", () => {
    expect(decode(utf8("i0e"))).toBe(0)
    expect(decode(utf8("i-42e"))).toBe(-42)
    expect(decode(utf8("4:spam"))).toEqual(utf8("spam"))
    expect(decode(utf8("0:"))).toEqual(new Uint8Array(0))
    expect(decode(utf8("l4:spami7ee"))).toEqual([utf8("spam"), 7])
    const value = dictionary("d3:cow3:moo4:spaml1:a1:bee")
    expect(value.keys).toEqual(["cow", "spam"])
    expect(value.text("cow")).toBe("moo")
    expect(value.list("spam")?.map(asText)).toEqual(["a", "b"])
  })

  it("answers undefined for what is absent or of another type", () => {
    const value = dictionary("d1:ai1e1:b1:xe")
    expect(value.integer("b")).toBeUndefined()
    expect(value.integer("z")).toBeUndefined()
    expect(value.text("a")).toBeUndefined()
    expect(value.bytes("a")).toBeUndefined()
    expect(value.list("a")).toBeUndefined()
    expect(value.dictionary("a")).toBeUndefined()
    expect(value.has("toString")).toBe(false)
    expect(value.get("__proto__")).toBeUndefined()
  })

  it("gives integers as numbers while exact, and as bigints beyond", () => {
    expect(decode(utf8("i9007199254740991e"))).toBe(Number.MAX_SAFE_INTEGER)
    expect(decode(utf8("i-9007199254740991e"))).toBe(Number.MIN_SAFE_INTEGER)
    expect(decode(utf8("i9007199254740992e"))).toBe(9007199254740992n)
    expect(decode(utf8("i-9007199254740993e"))).toBe(-9007199254740993n)
    expect(asInteger(decode(utf8("i18446744073709551616e")))).toBeUndefined()
  })

  it("gives byte strings as views, and plain ones from a subclass too", () => {
    const source = utf8("xx4:spam").subarray(2)
    const value = decode(source) as Uint8Array
    expect(value.buffer).toBe(source.buffer)
    expect((decode(Buffer.from("4:spam")) as Uint8Array).constructor).toBe(Uint8Array)
  })

  it("keeps keys that are not text apart, and finds them by their bytes", () => {
    const keys = [Uint8Array.of(0xff, 0x80), Uint8Array.of(0xff, 0x81)]
    const source = new Uint8Array([...utf8("d2:"), ...keys[0]!, ...utf8("i1e2:"), ...keys[1]!, ...utf8("i2ee")])
    const value = asDictionary(decode(source))!
    expect(keys.map((key) => value.getByBytes(key))).toEqual([1, 2])
    expect([...value.entries()]).toEqual([
      [keys[0], 1],
      [keys[1], 2],
    ])
    expect(encode(value)).toEqual(source)
  })

  it("finds every key of a large dictionary", () => {
    const input = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i]))
    const value = asDictionary(decode(encode(input)))!
    expect(value.size).toBe(5000)
    for (let i = 0; i < 5000; i += 7) expect(value.integer(`key${i}`)).toBe(i)
    expect(value.has("key5000")).toBe(false)
  })

  it("accepts keys out of order and writes them back in the same order", () => {
    const source = "d1:bi1e1:ai2ee"
    expect(dictionary(source).integer("a")).toBe(2)
    expect(text(encode(dictionary(source)))).toBe(source)
  })

  it("says where a value ends when something follows it", () => {
    expect(decodePrefix(utf8("d8:msg_typei1eeRAW"))).toMatchObject({ end: 15 })
    expect(faultOf("i1ei2e")).toBe("trailing")
  })

  it.each([
    ["", "truncated"],
    ["i", "truncated"],
    ["i-", "truncated"],
    ["i12", "truncated"],
    ["5:spam", "truncated"],
    ["4", "truncated"],
    ["99999999999999999999999999:x", "truncated"],
    ["l", "truncated"],
    ["li1e", "truncated"],
    ["d", "truncated"],
    ["d1:a", "truncated"],
    ["d1:ai1e", "truncated"],
    ["e", "malformed"],
    ["x", "malformed"],
    ["ie", "malformed"],
    ["i-e", "malformed"],
    ["i-0e", "malformed"],
    ["i01e", "malformed"],
    ["i00e", "malformed"],
    ["i-01e", "malformed"],
    ["i+1e", "malformed"],
    ["i1.5e", "malformed"],
    ["i 1e", "malformed"],
    ["-1:x", "malformed"],
    ["01:x", "malformed"],
    ["00:", "malformed"],
    ["4spam", "malformed"],
    ["di1ei2ee", "malformed"],
    ["d1:ae", "malformed"],
    ["d1:ai1e1:ai2ee", "malformed"],
    ["d1:bi1e1:ai2e1:bi3ee", "malformed"],
    ["d1:bi1e1:ai2e1:ai3ee", "malformed"],
    ["<!DOCTYPE html>", "malformed"],
    [`i${"9".repeat(65)}e`, "limit"],
  ])("refuses %j as %s", (source, fault) => {
    expect(faultOf(source)).toBe(fault)
  })

  it("keeps to its limits", () => {
    const limits = { length: 100, depth: 3, tokens: 10 }
    expect(decode(utf8("llleleee"), limits)).toBeDefined()
    expect(() => decode(utf8("llllleeeee"), limits)).toThrow(/nested too deep/)
    expect(() => decode(utf8(`l${"i1e".repeat(10)}e`), limits)).toThrow(/too many values/)
    expect(() => decode(new Uint8Array(101), limits)).toThrow(/101 bytes/)
  })

  it("survives ten thousand levels of nesting", () => {
    expect(faultOf("l".repeat(10_000) + "e".repeat(10_000))).toBe("limit")
    expect(faultOf("d1:a".repeat(10_000))).toBe("limit")
  })

  it("ends with a value or a BencodeError whatever the input is", () => {
    const alphabet = fc.constantFrom(..."deil:-0123456789ax".split(""))
    const likely = fc.string({ unit: alphabet, maxLength: 60 }).map(utf8)
    fc.assert(
      fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 60 })), (source) => {
        try {
          const value = decode(source)
          expect(encode(value)).toEqual(source)
        } catch (error) {
          expect(error).toBeInstanceOf(BencodeError)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it("refuses every prefix of a valid value as truncated", () => {
    fc.assert(
      fc.property(bencodeInput, fc.nat(), (input, cut) => {
        const source = encode(input)
        expect(faultOf(source.subarray(0, cut % source.length))).toBe("truncated")
      }),
    )
  })
})

describe("encoding", () => {
  it("sorts keys by their bytes and leaves undefined members out", () => {
    expect(text(encode({ b: 1, a: "x", c: undefined, B: 2 }))).toBe("d1:Bi2e1:a1:x1:bi1ee")
    const astral = new Map([
      ["\u{10000}", 1],
      ["\uffff", 2],
    ])
    // By UTF-16 units, U+10000 would come first.
    expect([...asDictionary(decode(encode(astral)))!.entries()].map(([, value]) => value)).toEqual([2, 1])
  })

  it("puts encoded bytes in as they are", () => {
    expect(text(encode({ info: new Encoded(utf8("d1:bi1e1:ai2ee")) }))).toBe("d4:infod1:bi1e1:ai2eee")
  })

  it("refuses numbers that are not exact integers", () => {
    for (const number of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) expect(() => encode(number)).toThrow()
  })

  it("is undone by decoding, and decoding by it", () => {
    fc.assert(
      fc.property(bencodeInput, (input) => {
        const bytes = encode(input)
        const value = decode(bytes)
        expect(encode(value)).toEqual(bytes)
        expectSame(value, input)
      }),
      { numRuns: 500 },
    )
  })
})

function expectSame(value: BencodeValue | undefined, input: BencodeInput): void {
  if (typeof input === "number" || typeof input === "bigint") expect(BigInt(value as number)).toBe(BigInt(input))
  else if (typeof input === "string") expect(value).toEqual(utf8(input))
  else if (input instanceof Uint8Array) expect(value).toEqual(input)
  else if (Array.isArray(input)) {
    expect(asList(value)).toHaveLength(input.length)
    input.forEach((element, i) => {
      expectSame(asList(value)![i], element)
    })
  } else {
    const members = Object.entries(input as Record<string, BencodeInput>)
    expect(asDictionary(value)?.size).toBe(members.length)
    for (const [key, member] of members) expectSame(asDictionary(value)?.getByBytes(utf8(key)), member)
  }
}
