import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { foldCase, safeElement } from "../../../src/metainfo/safe-element.js"
import { safeName, safePaths } from "../../../src/metainfo/safe-path.js"
import { anyText } from "../../support/any-text.js"

const element = (text: string): string => safeElement(encodeUtf8(text))
const paths = (...files: string[]): string[] => safePaths(files.map((path) => path.split("/").map(encodeUtf8)))

describe("a safe path element", () => {
  it.each([
    "train.csv",
    "données",
    "数据集.tar.gz",
    "a  b (v2) [x] {y} #1 'q' & 50%.mp4",
    ".hidden",
    "…",
    "\u{1f600}.png",
    "-rf",
    "~",
    "console.log",
    "com10",
    "nulls.txt",
  ])("keeps %j", (name) => {
    expect(element(name)).toBe(name)
  })

  it.each([
    ["", "_"],
    [".", "_"],
    ["..", "__"],
    ["...", "___"],
    ["a/b", "a_b"],
    ["..\\..\\x", ".._.._x"],
    ["a\0b", "a_b"],
    ["a\nb\u001b[2J\u007f\u009b", "a_b_[2J__"],
    ["photo\u202egpj.exe", "photo_gpj.exe"],
    ["a\u2028b\ufeff", "a_b_"],
    ['<>:"|?*', "_______"],
    ["C:", "C_"],
    ["name. .", "name___"],
    ["con", "_con"],
    ["NUL.txt", "_NUL.txt"],
    ["com1 .tar.gz", "_com1 .tar.gz"],
    ["lpt¹", "_lpt¹"],
    ["CONIN$", "_CONIN$"],
  ])("makes %j into %j", (name, safe) => {
    expect(element(name)).toBe(safe)
  })

  it("replaces what is not UTF-8, overlong separators among it", () => {
    expect(safeElement(Uint8Array.of(0x61, 0xff, 0x62))).toBe("a_b")
    expect(safeElement(Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x78))).toBe("..__x")
  })

  it("cuts long names at a whole character, and keeps the extension", () => {
    expect(element(`${"x".repeat(300)}.csv`)).toBe(`${"x".repeat(246)}.csv`)
    expect(element("数".repeat(100))).toBe("数".repeat(83))
    expect(element(`${"x".repeat(249)}  ${"y".repeat(100)}`)).toBe(`${"x".repeat(249)}_`)
    expect(encodeUtf8(element("\u{1f600}".repeat(70))).length).toBe(248)
  })

  it("leaves no device's name behind when it cuts", () => {
    for (const end of ["x", "x.csv", "x.y"]) {
      const cut = element(`con${" ".repeat(300)}${end}`)
      expect(cut).not.toMatch(/^con *(\.|$)/)
      expect(element(cut)).toBe(cut)
    }
    expect(element(`nul${" ".repeat(300)}x.csv`)).toBe(`_nul${" ".repeat(242)}.csv`)
  })

  it("takes linear time for a hostile name of a million dots", () => {
    expect(element(`${". ".repeat(1_000_000)}x`).length).toBe(250)
  })
})

describe("a dataset's name", () => {
  it("never reaches the program's own folder, whatever the file system ignores", () => {
    for (const name of [
      ".academictorrents",
      ".AcademicTorrents",
      ".academic\u200dtorrents",
      ".academictorrents\ufe0f",
    ]) {
      expect(safeName(encodeUtf8(name), "x")).toBe(`_${name}`)
    }
    expect(safeName(encodeUtf8("ACADEM~1"), "x")).toBe("_ACADEM~1")
    expect(safeName(encodeUtf8(".academictorrents."), "x")).toBe(".academictorrents_")
  })

  it("is the fallback when it is empty", () => {
    expect(safeName(new Uint8Array(0), "30ac")).toBe("30ac")
  })
})

describe("safe paths of a torrent", () => {
  it("leave good paths alone", () => {
    const good = ["images/a.jpg", "images/b.jpg", "README", "deep/er/still/x.bin", ".academictorrents/x"]
    expect(paths(...good)).toEqual(good)
  })

  it("keep inside the root what wants out", () => {
    expect(paths("../../etc/passwd", "/etc/shadow", "a/../../b")).toEqual([
      "__/__/etc/passwd",
      "_/etc/shadow",
      "a/__/__/b",
    ])
  })

  it("number files of the same name, the first excepted", () => {
    expect(paths("a.csv", "a.csv", "a.csv")).toEqual(["a.csv", "a~2.csv", "a~3.csv"])
    expect(paths("a~2", "a", "a")).toEqual(["a~2", "a", "a~3"])
  })

  it("tell apart what differs only in case, Unicode form or invisible characters", () => {
    expect(paths("README", "readme")).toEqual(["README", "readme~2"])
    expect(paths("e\u0301t\u00e9", "\u00e9te\u0301")).toEqual(["e\u0301t\u00e9", "\u00e9te\u0301~2"])
    expect(paths("\u1fb4", "\u03b1\u0345\u0301")).toEqual(["\u1fb4", "\u03b1\u0345\u0301~2"])
    expect(paths("straße", "STRASSE")).toEqual(["straße", "STRASSE~2"])
    expect(paths("ab", "a\u200db")).toEqual(["ab", "a\u200db~2"])
    expect(paths("Data/x", "data/x", "Data/y")).toEqual(["Data/x", "data~2/x", "Data/y"])
  })

  it("tell apart a file and a folder of one name", () => {
    expect(paths("a", "a/b", "a/c")).toEqual(["a", "a~2/b", "a~2/c"])
    expect(paths("a/b", "a")).toEqual(["a/b", "a~2"])
  })

  it("keep a file from another's unfinished name", () => {
    expect(paths("a", "a.part")).toEqual(["a", "a~2.part"])
    expect(paths("a.part", "a")).toEqual(["a.part", "a~2"])
    expect(paths("a.PART", "A")).toEqual(["a.PART", "A~2"])
    expect(paths("a", "a.part/x")).toEqual(["a", "a~2.part/x"])
  })

  it("have a name for a file without path elements", () => {
    expect(safePaths([[], []])).toEqual(["_", "_~2"])
  })

  it("take linear time for many long names that become one when cut", () => {
    const names = Array.from({ length: 20_000 }, (_, i) => [encodeUtf8("x".repeat(250) + i)])
    const mapped = safePaths([...names, ...names])
    expect(new Set(mapped).size).toBe(40_000)
  })

  it("look for a folder of a tree once, however many files are in it", () => {
    const folders = ["a", "b", "c"].map((name) => encodeUtf8(name.repeat(200)))
    const readings = folders.map((folder) => vi.spyOn(folder, "subarray"))
    const mapped = safePaths(Array.from({ length: 100 }, (_, i) => [...folders, encodeUtf8(`${i}`)]))
    expect(mapped.at(-1)).toBe(`${"a".repeat(200)}/${"b".repeat(200)}/${"c".repeat(200)}/99`)
    expect(readings.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1])
  })

  const awkward = fc.constantFrom(
    ..."a A b . .. / \\ : \0 \u001b \u00e9 e\u0301 \u200d \u202e ~2 ~3 .part .PART con nul .csv ß ss ſ K k ﬁ".split(
      " ",
    ),
    " ",
    "",
    "x".repeat(246),
    " ".repeat(250),
    "\u{1f600}".repeat(61),
  )
  const rawElement = fc.oneof(
    { weight: 6, arbitrary: fc.array(awkward, { maxLength: 4 }).map((parts) => encodeUtf8(parts.join(""))) },
    { weight: 1, arbitrary: anyText({ maxLength: 300 }).map(encodeUtf8) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  )
  const rawFiles = fc.array(fc.array(rawElement, { maxLength: 4 }), { maxLength: 20 })

  it("are inside the root, of safe elements, and short enough with the unfinished suffix", () => {
    fc.assert(
      fc.property(rawFiles, (files) => {
        for (const path of safePaths(files)) {
          for (const part of path.split("/")) {
            expect(part).not.toMatch(/^\.{0,2}$|[. ]$|[\\<>:"|?*\p{Cc}\p{Bidi_Control}\p{Cs}]/u)
            expect(encodeUtf8(`${part}.part`).length).toBeLessThanOrEqual(255)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("never meet on any file system, unfinished or finished", () => {
    fc.assert(
      fc.property(rawFiles, (files) => {
        const mapped = safePaths(files)
        const places = mapped.flatMap((path) => [foldCase(path), foldCase(`${path}.part`)])
        expect(new Set(places).size).toBe(places.length)
        const folders = new Set<string>()
        for (const path of mapped) {
          const parts = path.split("/")
          for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join("/"))
        }
        expect(new Set([...folders].map(foldCase)).size).toBe(folders.size)
        for (const folder of folders) expect(places).not.toContain(foldCase(folder))
      }),
      { numRuns: 1000 },
    )
  })

  it("map to themselves, and depend on nothing but the torrent's own files", () => {
    fc.assert(
      fc.property(rawFiles, (files) => {
        const mapped = safePaths(files)
        expect(safePaths(files)).toEqual(mapped)
        // As in a tree, where files share the elements themselves.
        const elements = new Map(files.flat().map((raw) => [toHex(raw), raw]))
        expect(safePaths(files.map((file) => file.map((raw) => elements.get(toHex(raw))!)))).toEqual(mapped)
        expect(paths(...mapped)).toEqual(mapped)
      }),
      { numRuns: 1000 },
    )
  })

  it("keep files of one raw folder together", () => {
    fc.assert(
      fc.property(rawElement, fc.array(rawElement, { minLength: 2, maxLength: 10 }), (folder, names) => {
        const mapped = safePaths(names.map((name) => [folder, name]))
        expect(new Set(mapped.map((path) => path.split("/")[0])).size).toBe(1)
      }),
    )
  })

  it("give a name that maps to itself too", () => {
    fc.assert(
      fc.property(rawElement, (raw) => {
        const name = safeName(raw, "fallback")
        expect(safeName(encodeUtf8(name), "other")).toBe(name)
      }),
      { numRuns: 1000 },
    )
  })
})
