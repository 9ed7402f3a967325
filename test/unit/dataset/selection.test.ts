import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type FileChoice, selectFiles } from "../../../src/dataset/selection.js"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"

const PATHS = [
  "README.md",
  "train/a.csv",
  "train/b.csv",
  "train/deep/c.csv",
  "train/deep/c.json",
  "test/d.csv",
  ".hidden/e.csv",
  "!odd.txt",
  "data [v1].csv",
]
const NO_SUCH = "no file of the dataset matches"

type Files = Pick<Metainfo, "layout" | "renamed" | "version">

function filesOf(paths: readonly string[], padding: readonly string[] = [], authors = paths): Files {
  const files = paths.map((path, i) => ({ path, offset: i * 10, length: 10, padding: padding.includes(path) }))
  const layout = new TorrentLayout(16_384, files)
  const renamed = new Map(
    authors.map((path, i) => [i, path.split("/")] as const).filter(([i]) => authors[i] !== paths[i]),
  )
  return { layout, renamed, version: "v1" }
}

function select(choice: FileChoice, paths: readonly string[] = PATHS): string[] {
  return [...selectFiles(filesOf(paths), choice)].map((index) => paths[index]!)
}

describe("the chosen files", () => {
  it("are all of them without a choice", () => {
    expect(select({})).toEqual(PATHS)
    expect(select({ include: [], exclude: [] })).toEqual(PATHS)
  })

  it("are those that a magnet link numbers, unless the user says which to include", () => {
    const only = [
      { first: 1, last: 3 },
      { first: 8, last: 100 },
    ]
    const chosen = (choice: FileChoice) => [...selectFiles(filesOf(PATHS), choice, only)]
    expect(chosen({})).toEqual([1, 2, 3, 8])
    expect(chosen({ exclude: ["a.csv"] })).toEqual([2, 3, 8])
    expect(chosen({ include: ["*.md"] })).toEqual([0])
    expect(() => selectFiles(filesOf(PATHS), {}, [{ first: 9, last: 9 }])).toThrow(/no file/)
  })

  it("match a pattern without a slash by their names, at any depth", () => {
    expect(select({ include: ["c.*"] })).toEqual(["train/deep/c.csv", "train/deep/c.json"])
    expect(select({ include: ["*.json", "*.md"] })).toEqual(["README.md", "train/deep/c.json"])
  })

  it("match a pattern with a slash by their whole paths", () => {
    expect(select({ include: ["train/*.csv"] })).toEqual(["train/a.csv", "train/b.csv"])
    expect(select({ include: ["train/**"] })).toEqual(PATHS.slice(1, 5))
    expect(select({ include: ["{test,train}/?.csv"] })).toEqual(["train/a.csv", "train/b.csv", "test/d.csv"])
    expect(select({ include: ["**/*.csv"] })).toContain(".hidden/e.csv")
  })

  it("may be named by their folder, with a slash behind or without", () => {
    const deep = ["train/deep/c.csv", "train/deep/c.json"]
    for (const folder of ["train/deep/", "train/deep", "./train/deep", "deep", "deep/"]) {
      expect(select({ include: [folder] })).toEqual(deep)
    }
    expect(select({ include: ["train"] })).toEqual(PATHS.slice(1, 5))
    expect(select({ include: ["train"], exclude: ["deep"] })).toEqual(["train/a.csv", "train/b.csv"])
    expect(select({ include: ["a (1) [x]"] }, ["a (1) [x]/b", "a 1 x/c"])).toEqual(["a (1) [x]/b"])
    // Only a folder's whole name means it.
    expect(() => select({ include: ["trai"] })).toThrow(/no file/)
    expect(() => select({ include: ["rain/deep"] })).toThrow(/no file/)
    expect(() => select({ include: ["t*"] })).toThrow(/no file/)
    expect(select({ include: ["train/*"] })).toEqual(["train/a.csv", "train/b.csv"])
  })

  it("may be named as a shell would write them", () => {
    expect(select({ include: ["./train/a.csv", "/test/d.csv"] })).toEqual(["train/a.csv", "test/d.csv"])
  })

  it("are those included but not those excluded", () => {
    expect(select({ include: ["*.csv"], exclude: ["train/**", "data*"] })).toEqual(["test/d.csv", ".hidden/e.csv"])
    expect(select({ exclude: ["*.csv"] })).toEqual(["README.md", "train/deep/c.json", "!odd.txt"])
  })

  it("are refused when a pattern to include matches none, all such patterns by their names", () => {
    const include = ["README.md", "train/typo.csv", "trian", "*.csv", "*.parquet"]
    expect(() => select({ include })).toThrow(new RegExp(`^${NO_SUCH} train/typo.csv, trian, \\*.parquet$`))
  })

  it("are refused when a path or a name to exclude is not there; a glob may match none", () => {
    const exclude = ["train/c.csv", "tset", "*.tmp", "test"]
    expect(() => select({ include: ["README"], exclude })).toThrow(new RegExp(`^${NO_SUCH} README, train/c.csv, tset$`))
    expect(select({ exclude: ["*.tmp", "**/.DS_Store", "old/{a,b}", "train/?", "[xy].csv"] })).toEqual(PATHS)
    // It is there, if not among those that are included.
    expect(select({ include: ["train"], exclude: ["d.csv"] })).toEqual(PATHS.slice(1, 5))
  })

  it("are said to be excluded when they are", () => {
    expect(() => select({ include: ["train", "test"], exclude: ["*.csv", "*.json"] })).toThrow(
      /^all files that match train, test are excluded by \*\.csv, \*\.json$/,
    )
    expect(() => select({ exclude: ["**"] })).toThrow(/^all files are excluded by \*\*$/)
  })

  it("are not turned around by an exclamation mark", () => {
    expect(select({ include: ["!odd.txt"] })).toEqual(["!odd.txt"])
  })

  it("can each be named by the path that the dataset lists or by name, whatever characters it has", () => {
    const files = ["sub/table (1).csv", "sub/table 1.csv", "data [v1].csv", "data v.csv"]
    for (const named of ["table (1).csv", "sub/table (1).csv", "./sub/table (1).csv"]) {
      expect(select({ include: [named] }, files)).toEqual(["sub/table (1).csv"])
      expect(select({ exclude: [named] }, files)).toEqual(files.slice(1))
    }
    expect(select({ include: ["data [v1].csv"] }, files)).toEqual(["data [v1].csv"])
    expect(select({ include: ["data [v1].csv"] }, ["sub/data v.csv", "data v.csv", "data 1.csv"])).toEqual([
      "sub/data v.csv",
      "data v.csv",
      "data 1.csv",
    ])
    const segment = fc.stringMatching(/^[a-c[\](){}*?!+@ .-]{1,6}$/).filter((name) => !/^\.{1,2}$/.test(name))
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 3 }), (segments) => {
        const path = segments.join("/")
        const another = `${path}x`
        expect(select({ include: [path] }, [another, path])).toEqual([path])
        expect(select({ include: [segments.at(-1)!] }, [path])).toEqual([path])
      }),
      { numRuns: 500 },
    )
  })

  it("can be named as their author names them, too, where that means no other", () => {
    const ours = ["T00_00.csv", "T06_00.csv", "why_/a.csv", "a_b", "a_b~2"]
    const authors = ["T00:00.csv", "T06:00.csv", "why?/a.csv", "a?b", "a_b"]
    const selected = (choice: FileChoice) => [...selectFiles(filesOf(ours, [], authors), choice)]
    expect(selected({ include: ["T00:00.csv"] })).toEqual([0])
    expect(selected({ include: ["T00_00.csv", "why?/"] })).toEqual([0, 2])
    expect(selected({ include: ["T*:00.csv"] })).toEqual([0, 1])
    expect(selected({ exclude: ["T0?:00.csv", "a?b"] })).toEqual([2, 4])
    expect(selected({ include: ["a_b"] })).toEqual([3])
  })

  it("never are padding", () => {
    const files = filesOf(["a", ".pad/1", "b"], [".pad/1"])
    expect([...selectFiles(files, {})]).toEqual([0, 2])
    expect(() => selectFiles(files, { include: [".pad/**"] })).toThrow(/no file/)
  })

  it("of a magnet link are counted with padding, as other clients count, and it is said when there is none", () => {
    const files = filesOf(["a", ".pad/1", "b"], [".pad/1"])
    const numbered = (first: number, last: number) => [...selectFiles(files, {}, [{ first, last }])]
    expect(numbered(1, 2)).toEqual([2])
    for (const number of [1, 3]) expect(() => numbered(number, number)).toThrow(/numbers in the magnet link/)
  })

  it.each(["v2", "hybrid"] as const)("of a magnet link have the numbers that libtorrent gives them: %s", (version) => {
    const sizes = { a: 20, "b.empty": 0, c: 32_768, d: 40_000, "e.empty": 0, "x/f": 5, "x/z": 1 }
    const metainfo = parseTorrent(draftTorrent(sizes, { version }).torrent, digester)
    const numbered = (first: number, last = first): string[] =>
      [...selectFiles(metainfo, {}, [{ first, last }])].map((index) => metainfo.layout.files[index]!.path)
    expect([0, 2, 3, 4, 6, 7, 9].flatMap((number) => numbered(number))).toEqual(Object.keys(sizes))
    expect(numbered(5, 8)).toEqual(["e.empty", "x/f"])
    for (const padding of [1, 5, 8, 10]) expect(() => numbered(padding)).toThrow(/numbers in the magnet link/)
  })

  it("may be none only when the dataset has none", () => {
    expect(select({}, [])).toEqual([])
    for (const choice of [
      { include: ["*.parquet"] },
      { exclude: ["**"] },
      { include: [""] },
      { include: ["[z-a]"] },
      { include: ["a".repeat(1e5)] },
    ]) {
      expect(() => select(choice)).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
    }
  })

  it("are found, or not, without a hang whatever the pattern", () => {
    const long = `${"a".repeat(200)}/${"b".repeat(50)}`
    for (const pattern of [
      "*a".repeat(40),
      "+(a|aa)+(a|aa)+(a|aa)b",
      "(a+)+b",
      "{a,aa}".repeat(12),
      "**/".repeat(30),
    ]) {
      try {
        select({ include: [pattern] }, [long])
      } catch (error) {
        expect(error).toMatchObject({ code: "AT_INVALID_INPUT" })
      }
    }
  })
})
