import fc from "fast-check"

/** Half surrogates, which are no characters, from here on, and how many. */
const SURROGATES = { from: 0xd800, count: 0x800 }

/** Texts of any characters at all. fast-check's own (`unit: "binary"`) are the same, but take two seconds to be made. */
export function anyText(limits: { minLength?: number; maxLength?: number } = {}): fc.Arbitrary<string> {
  const character = fc
    .nat(0x10ffff - SURROGATES.count)
    .map((n) => String.fromCodePoint(n < SURROGATES.from ? n : n + SURROGATES.count))
  return fc.array(character, limits).map((characters) => characters.join(""))
}
