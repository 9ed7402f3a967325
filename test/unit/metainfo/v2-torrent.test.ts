import { createHash } from "node:crypto"
import { describe, expect, it, vi } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { AtError } from "../../../src/errors.js"
import { BencodeDictionary, type BencodeInput, decode, Encoded, encode } from "../../../src/metainfo/bencode.js"
import { parseInfoDictionary } from "../../../src/metainfo/info-dictionary.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { naiveLowestRoot } from "../../support/naive-merkle.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent, withLayers } from "../../support/v2-torrents.js"

const FILES = { README: 20, "a/b.bin": 100_001, "a/empty": 0, "a.bin": 32_768, z: 70_000 }
const v2 = draftTorrent(FILES, { version: "v2" })
const hybrid = draftTorrent(FILES, { version: "hybrid" })

const parse = (bytes: Uint8Array) => parseTorrent(bytes, digester)

/** A torrent's members, some of them replaced: of `info`, or beside it. */
function changed(
  torrent: Uint8Array,
  info: Record<string, BencodeInput | undefined>,
  outer: Record<string, BencodeInput | undefined> = {},
): Uint8Array {
  const members = (dictionary: BencodeDictionary): Record<string, BencodeInput> =>
    Object.fromEntries(dictionary.keys.map((key) => [key, dictionary.get(key)!]))
  const whole = decode(torrent, { length: 1e7, depth: 40, tokens: 1e6 }) as BencodeDictionary
  return encode({ ...members(whole), info: { ...members(whole.dictionary("info")!), ...info }, ...outer })
}

function refusal(bytes: Uint8Array): string {
  try {
    parse(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(AtError)
    expect((error as AtError).code).toBe("AT_METADATA")
    return (error as AtError).message
  }
  throw new Error("it was accepted")
}

const root = new Uint8Array(32).fill(7)
const file = (length: number, more: Record<string, BencodeInput> = {}): BencodeInput => ({
  "": { length, "pieces root": root, ...more },
})
const ofTree = (tree: BencodeInput, more: Record<string, BencodeInput | undefined> = {}): Uint8Array =>
  encode({ info: { "file tree": tree, "meta version": 2, name: "x", "piece length": 32768, ...more } })

describe("a v2 torrent", () => {
  it("is read with each file from a piece of its own on", () => {
    const torrent = parse(v2.torrent)
    expect(torrent).toMatchObject({ version: "v2", name: "dataset", kind: "folder" })
    expect(torrent.layout.files).toEqual([
      { path: "README", offset: 0, length: 20, padding: false },
      { path: "a/b.bin", offset: 32_768, length: 100_001, padding: false },
      { path: "a/empty", offset: 132_769, length: 0, padding: false },
      { path: "a.bin", offset: 163_840, length: 32_768, padding: false },
      { path: "z", offset: 196_608, length: 70_000, padding: false },
    ])
    const { layout } = torrent
    expect(Array.from({ length: layout.pieceCount }, (_, piece) => layout.pieceSize(piece))).toEqual([
      20, 32_768, 32_768, 32_768, 1697, 32_768, 32_768, 32_768, 4464,
    ])
    expect(layout.dataLength).toBe(202_789)
  })

  it("is known by its SHA-256, and to peers by the first 20 bytes of it", () => {
    const torrent = parse(v2.torrent)
    const digest = createHash("sha256").update(v2.info).digest("hex")
    expect(toHex(torrent.infoHashV2!)).toBe(digest)
    expect(toHex(torrent.infoHash)).toBe(digest.slice(0, 40))
  })

  it("says what each piece and each file should hash to", () => {
    for (const { torrent, layout, data } of [v2, hybrid]) {
      const nodes = parse(torrent).fileNodes!
      expect(nodes.complete).toBe(true)
      for (const [index, { length, padding }] of layout.files.entries()) {
        const expected = padding || length === 0 ? undefined : naiveLowestRoot(data[index]!)
        expect(nodes.roots[index] && toHex(nodes.roots[index])).toBe(expected && toHex(expected))
      }
      for (let piece = 0; piece < layout.pieceCount; piece++) expect(nodes.node(piece)).toHaveLength(32)
    }
  })

  it("of a tree of one file is that file, whatever its name says", () => {
    const torrent = parse(draftTorrent({ "data.bin": 50_000 }, { version: "v2", name: "other" }).torrent)
    expect(torrent).toMatchObject({ kind: "file", name: "data.bin", rawName: "data.bin" })
    expect(torrent.layout.files).toEqual([{ path: "data.bin", offset: 0, length: 50_000, padding: false }])
    const inside = parse(draftTorrent({ "a/data.bin": 50_000 }, { version: "v2" }).torrent)
    expect(inside).toMatchObject({ kind: "folder", name: "dataset" })
  })

  it("is read from its info alone, without what its pieces should hash to", () => {
    const alone = parseInfoDictionary(v2.info, digester)
    expect(alone.infoHashV2).toEqual(parse(v2.torrent).infoHashV2)
    expect(alone.fileNodes!.complete).toBe(false)
    expect(alone.fileNodes!.node(0)).toEqual(parse(v2.torrent).fileNodes!.node(0))
    expect(alone.fileNodes!.node(1)).toBeUndefined()
  })

  it.each([
    ["no layers", {}],
    ["a layer too few", { "piece layers": {} }],
    ["layers that are none", { "piece layers": 5 }],
  ])("is refused with %s", (_, outer) => {
    expect(refusal(changed(v2.torrent, {}, { "piece layers": undefined, ...outer }))).toContain("no piece layer")
  })

  it("is refused when a layer does not lead to its root", () => {
    const at = Buffer.from(v2.torrent).indexOf("12:piece layers") + 60
    for (const offset of [0, 40]) {
      const bytes = v2.torrent.slice()
      bytes[at + offset]! ^= 1
      expect(refusal(bytes)).toMatch(/piece layer/)
    }
  })

  it.each<[string, Uint8Array, RegExp]>([
    ["a newer version", changed(v2.torrent, { "meta version": 3 }), /v3/],
    ["no tree", changed(v2.torrent, { "file tree": undefined }), /no file tree/],
    ["a tree without files", ofTree({ a: {} }), /no files/],
    ["a file for a root", ofTree({ "": { length: 5, "pieces root": root } }), /root/],
    [
      "a file that is a folder",
      ofTree({ a: { "": { length: 5, "pieces root": root }, b: file(1) } }),
      /a file and a fold/,
    ],
    ["an entry that is none", ofTree({ a: 5 }), /no dictionary/],
    ["properties that are none", ofTree({ a: { "": 5 } }), /no valid length/],
    ["a negative length", ofTree({ a: file(-1) }), /no valid length/],
    ["a file without a root", ofTree({ a: { "": { length: 5 } } }), /no root/],
    ["a root that is too short", ofTree({ a: file(5, { "pieces root": "short" }) }), /no root/],
    ["pieces of no power of two", ofTree({ a: file(5) }, { "piece length": 40_000 }), /piece length/],
    ["pieces that are too small", ofTree({ a: file(5) }, { "piece length": 8192 }), /piece length/],
    ["more pieces than there may be", ofTree({ a: file(2 ** 50) }), /more than/],
    ["an unsorted tree", encodeUnsorted(), /not sorted/],
    ["an element beyond all", ofTree({ ["a".repeat(5000)]: file(5) }), /longer than/],
  ])("is refused with %s", (_, torrent, reason) => {
    expect(refusal(torrent)).toMatch(reason)
  })

  it("is refused when its tree is too deep", () => {
    let tree: BencodeInput = file(5)
    for (let depth = 0; depth < 10_000; depth++) tree = { a: tree }
    expect(refusal(deep(10_000))).toMatch(/damaged/)
    expect(refusal(deep(62))).toMatch(/damaged/)
  })

  it("is refused when its paths are far longer than its tree, which names each folder once", () => {
    const inFolders = (files: number): Uint8Array => {
      let tree: BencodeInput = Object.fromEntries(
        Array.from({ length: files }, (_, i) => [`${i}`.padStart(5, "0"), file(1)]),
      )
      for (let depth = 0; depth < 15; depth++) tree = { ["a".repeat(250)]: tree }
      return ofTree(tree)
    }
    expect(parse(inFolders(1000)).layout.files).toHaveLength(1000)
    expect(refusal(inFolders(72_000))).toMatch(/paths .* more than 268435456 bytes/)
  })

  it("is gone through once", () => {
    const entries = vi.spyOn(BencodeDictionary.prototype, "entries")
    parse(v2.torrent)
    const times = entries.mock.calls.length
    entries.mockRestore()
    // The root, and the folder a.
    expect(times).toBe(2)
  })

  it("leaves no way out of its folder", () => {
    const torrent = ofTree({ "..": { "..": { passwd: file(5) } }, "a/b": file(5), "a\\b": file(5), CON: file(5) })
    const { files } = parse(torrent).layout
    for (const { path } of files) expect(path.split("/")).not.toContain("..")
    expect(new Set(files.map(({ path }) => path.toLowerCase())).size).toBe(4)
  })
})

describe("a hybrid", () => {
  it("is read as v1 and as v2", () => {
    const torrent = parse(hybrid.torrent)
    expect(torrent.version).toBe("hybrid")
    expect(toHex(torrent.infoHash)).toBe(createHash("sha1").update(hybrid.info).digest("hex"))
    expect(toHex(torrent.infoHashV2!)).toBe(createHash("sha256").update(hybrid.info).digest("hex"))
    expect(torrent.pieceHashes).toHaveLength(20 * torrent.layout.pieceCount)
    expect(torrent.layout.files.filter(({ padding }) => !padding).map(({ path }) => path)).toEqual(
      parse(v2.torrent).layout.files.map(({ path }) => path),
    )
  })

  it("of a single file needs no padding", () => {
    const single = draftTorrent({ "data.bin": 50_000 }, { version: "hybrid", kind: "file", name: "data.bin" })
    expect(parse(single.torrent)).toMatchObject({ version: "hybrid", kind: "file", name: "data.bin" })
  })

  it.each<[string, Uint8Array]>([
    ["without layers", changed(hybrid.torrent, {}, { "piece layers": undefined })],
    ["with none of its layers", withLayers(hybrid.torrent, 0)],
    ["with some of its layers", withLayers(hybrid.torrent, 1)],
  ])("is v1 in effect %s, as it may come out of a magnet link", (_, torrent) => {
    expect(parse(torrent).fileNodes!.complete).toBe(false)
  })

  it("is refused when a layer does not lead to its root, though another is missing", () => {
    const bytes = withLayers(hybrid.torrent, 1)
    bytes[Buffer.from(bytes).indexOf("12:piece layers") + 100]! ^= 1
    expect(refusal(bytes)).toMatch(/piece layer for file \d is wrong/)
  })

  const tree = (changes: Record<string, BencodeInput>): Uint8Array => {
    const info = (decode(hybrid.torrent, { length: 1e7, depth: 40, tokens: 1e6 }) as BencodeDictionary).dictionary(
      "info",
    )!
    const before = info.dictionary("file tree")!
    const members = Object.fromEntries(before.keys.map((key) => [key, before.get(key)!]))
    return changed(hybrid.torrent, { "file tree": { ...members, ...changes } })
  }

  it.each<[string, Uint8Array]>([
    ["a file of another name", tree({ README: { other: file(20) } })],
    ["a file of another length", tree({ README: file(21) })],
    ["a file more in the tree", tree({ zz: file(5) })],
    ["an empty file more in the tree", tree({ zz: { "": { length: 0 } } })],
    ["a file less in the tree", changed(hybrid.torrent, { "file tree": { README: file(20) } })],
    ["files that start in the middle of pieces", misaligned(FILES)],
    ["such files, in as many pieces", misaligned({ a: 100, b: 32768 })],
    ["a piece of nothing but padding", withMorePadding()],
    ["a single file of another name", changed(singleHybrid(), { name: "other" })],
  ])("is refused with %s", (_, torrent) => {
    expect(refusal(torrent)).toMatch(/v1 and v2 descriptions/)
  })
})

function singleHybrid(): Uint8Array {
  return draftTorrent({ "data.bin": 50_000 }, { version: "hybrid", kind: "file", name: "data.bin" }).torrent
}

/** The tree of a v2 torrent beside the files of a v1 torrent, without padding. */
function misaligned(files: Readonly<Record<string, number>>): Uint8Array {
  const v1 = draftTorrent(files, { version: "v1" })
  const info = (decode(v1.torrent, { length: 1e7, depth: 40, tokens: 1e6 }) as BencodeDictionary).dictionary("info")!
  const { torrent } = draftTorrent(files, { version: "v2" })
  return changed(torrent, { files: info.get("files"), pieces: info.get("pieces") })
}

function withMorePadding(): Uint8Array {
  const { torrent, info } = draftTorrent({ a: 32768, b: 32768 }, { version: "hybrid" })
  const files = (decode(info) as BencodeDictionary).list("files")!
  const padding = { attr: "p", length: 32768, path: [".pad", "32768"] }
  return changed(torrent, { files: [...files, padding], pieces: new Uint8Array(3 * 20) })
}

function encodeUnsorted(): Uint8Array {
  const entry = (name: string): string =>
    `1:${name}d0:${Buffer.from(encode({ length: 5, "pieces root": root })).toString("latin1")}e`
  const tree = new Encoded(new Uint8Array(Buffer.from(`d${entry("b")}${entry("a")}e`, "latin1")))
  return ofTree(tree)
}

function deep(depth: number): Uint8Array {
  const leaf = Buffer.from(encode({ length: 5, "pieces root": root })).toString("latin1")
  const tree = `${"d1:a".repeat(depth)}d0:${leaf}${"e".repeat(depth)}e`
  return ofTree(new Encoded(new Uint8Array(Buffer.from(tree, "latin1"))))
}
