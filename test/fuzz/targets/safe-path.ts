import { encodeUtf8 } from "../../../src/bytes/text.js"
import { safeName, safePaths } from "../../../src/metainfo/safe-path.js"
import { mustEqual } from "../lib/expect.js"
import { mustBeSafe, mustBeSafeName } from "../lib/safe.js"
import { type Target, words } from "../lib/target.js"

/** Between the files of an input, and between the elements of a path: no byte of text. */
const FILE = 0xff
const ELEMENT = 0xfe

/** Names from strangers lead nowhere else, and no two of them to the same place; safe ones stay as they are. */
export const safePath: Target = {
  name: "safe-path",
  seeds: () => [
    joined([["images", "a.jpg"], ["README"], ["readme"], ["images"]]),
    joined([["..", "..", "etc", "passwd"], [""], ["."], ["con.txt"], ["a "], ["a."]]),
    joined([["a"], ["a.part"], ["A.PART"], ["a~2"], ["é"], ["e\u0301"]]),
    joined([["x".repeat(300)], [`${"ü".repeat(150)}.tar.gz`], ["\u202egnp.exe"], [".academictorrents"]]),
  ],
  words: [
    Uint8Array.of(FILE),
    Uint8Array.of(ELEMENT),
    Uint8Array.of(0xc3, 0x28),
    ...words(
      ...["..", "/", "\\", "~2", ".part", "\0", "nul", "COM1", "é", "e\u0301", "ſ", "İ", "ß", "\u200b", "\u{e0041}"],
    ),
    ...words("academ~1", " ", ".", "a", "A", "\ufeff", "\ufffd"),
  ],
  check(input) {
    const files = split(input, FILE).map((file) => split(file, ELEMENT))
    const paths = safePaths(files)
    mustEqual(paths.length, files.length, "files were lost")
    mustBeSafe(paths)
    const again = safePaths(paths.map((path) => path.split("/").map(encodeUtf8)))
    mustEqual(again, paths, "a safe path is changed")
    for (const [name = new Uint8Array(0)] of files) mustBeSafeName(safeName(name, "fallback"))
  },
}

function joined(files: readonly (readonly string[])[]): Uint8Array {
  const parts = files.map((file) => file.flatMap((element) => [...encodeUtf8(element), ELEMENT]).slice(0, -1))
  return Uint8Array.from(parts.flatMap((part) => [...part, FILE]).slice(0, -1))
}

function split(bytes: Uint8Array, by: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  let start = 0
  for (let at = bytes.indexOf(by); at >= 0; at = bytes.indexOf(by, start)) {
    parts.push(bytes.subarray(start, at))
    start = at + 1
  }
  return [...parts, bytes.subarray(start)]
}
