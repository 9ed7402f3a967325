import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decodeUtf8,
  decodeUtf8Lenient,
  encodeUtf8,
  escapeForTerminal,
  fromLatin1,
  toLatin1,
} from "../../../src/bytes/text.js"

describe("text", () => {
  it("decodes UTF-8 strictly or leniently, and keeps a byte order mark", () => {
    expect(decodeUtf8(encodeUtf8("\ufeffdonnées"))).toBe("\ufeffdonnées")
    expect(decodeUtf8(Uint8Array.of(0x61, 0xff))).toBeUndefined()
    expect(decodeUtf8Lenient(Uint8Array.of(0x61, 0xff))).toBe("a\ufffd")
  })

  it("refuses overlong forms and encoded surrogates, which hide separators", () => {
    expect(decodeUtf8(Uint8Array.of(0xc0, 0xaf))).toBeUndefined()
    expect(decodeUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toBeUndefined()
  })

  it("keeps bytes apart as characters, however many", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromLatin1(toLatin1(bytes))).toEqual(bytes)
      }),
    )
    const many = Uint8Array.from({ length: 100_003 }, (_, i) => i)
    expect(fromLatin1(toLatin1(many))).toEqual(many)
    expect(fromLatin1("Ā")).toBeUndefined()
  })

  it("escapes what steers a terminal or reorders a line, and nothing else", () => {
    expect(escapeForTerminal("\u001b[2Jx\u0007\n\t\u007f\u009b")).toBe("\\u{1b}[2Jx\\u{7}\\u{a}\\u{9}\\u{7f}\\u{9b}")
    expect(escapeForTerminal("photo\u202egpj.exe\u2066")).toBe("photo\\u{202e}gpj.exe\\u{2066}")
    expect(escapeForTerminal("\ud800x\udc00")).toBe("\\u{d800}x\\u{dc00}")
    const harmless = "données 数据 \u{1f600} a\\b [x] ~"
    expect(escapeForTerminal(harmless)).toBe(harmless)
  })

  it("leaves no control, bidi or surrogate character in any text", () => {
    const unit = fc.oneof(
      fc.integer({ min: 0, max: 0x2fff }).map((code) => String.fromCharCode(code)),
      fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
    )
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        const escaped = escapeForTerminal(text)
        expect(escaped).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u)
        expect(escapeForTerminal(escaped)).toBe(escaped)
      }),
    )
  })
})
