import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { toHex } from "../../../src/bytes/hex.js"
import { encodeUtf8 } from "../../../src/bytes/text.js"
import { AtError } from "../../../src/errors.js"
import { type BencodeInput, Encoded } from "../../../src/metainfo/bencode.js"
import { parseInfoDictionary } from "../../../src/metainfo/info-dictionary.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import { rawElements } from "../../../src/metainfo/raw-path.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { anyPieces, digester, folderInfo, torrentOf } from "../../support/torrents.js"

const rawPathsOf = (torrent: Metainfo) => torrent.layout.files.map((_, file) => rawElements(torrent, file))
const parse = (bytes: Uint8Array): Metainfo => parseTorrent(bytes, digester)
const parseFolder = (changes: Record<string, BencodeInput | undefined>): Metainfo =>
  parse(torrentOf(folderInfo(changes)))
const parseOuter = (outer: Record<string, BencodeInput | undefined>): Metainfo => parse(torrentOf(folderInfo(), outer))

function refusal(bytes: Uint8Array): string {
  try {
    parse(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(AtError)
    expect((error as AtError).code).toBe("AT_METADATA")
    expect((error as AtError).hint).not.toBe("")
    return (error as AtError).message
  }
  throw new Error("it was accepted")
}

const file = (length: number, path: BencodeInput, more: Record<string, BencodeInput> = {}): BencodeInput => ({
  length,
  path,
  ...more,
})

describe("a torrent of several files", () => {
  it("is read with its files in order", () => {
    const torrent = parseFolder({})
    expect(torrent.name).toBe("dataset")
    expect(torrent.kind).toBe("folder")
    expect(torrent.layout.length).toBe(50_020)
    expect(torrent.layout.pieceCount).toBe(2)
    expect(torrent.layout.files).toEqual([
      { path: "images/a.jpg", offset: 0, length: 50_000, padding: false },
      { path: "README", offset: 50_000, length: 20, padding: false },
    ])
    expect(rawPathsOf(torrent)).toEqual([["images", "a.jpg"], ["README"]])
    expect(torrent.pieceHashes).toEqual(anyPieces(50_020, 32768))
    expect(torrent.private).toBe(false)
    expect(torrent.infoHashV2).toBeNull()
  })

  it("may be private", () => {
    expect(parseFolder({ private: 1 }).private).toBe(true)
    expect(parseFolder({ private: 0 }).private).toBe(false)
  })

  it("may have empty files, alone even", () => {
    const files = [file(0, ["a"]), file(10, ["b"]), file(0, ["c"])]
    expect(parseFolder({ files, pieces: anyPieces(10, 32768) }).layout.files.map((f) => f.offset)).toEqual([0, 0, 10])
    const empty = parseFolder({ files: [file(0, ["a"])], pieces: "" })
    expect(empty.layout.pieceCount).toBe(0)
  })

  it("has padding files marked, whether by attribute or by the old name, and with or without a path", () => {
    const files = [
      file(100, ["a"]),
      file(32668, [".pad", "32668"], { attr: "p" }),
      { length: 10, attr: "xp" },
      file(10, ["_____padding_file_0_if you see this file"]),
      file(100, ["b"], { attr: "x" }),
    ]
    const torrent = parseFolder({ files, pieces: anyPieces(32888, 32768) })
    expect(torrent.layout.files.map((f) => f.padding)).toEqual([false, true, true, true, false])
    expect(torrent.layout.files.map((f) => f.path).at(-1)).toBe("b")
  })

  it("has an empty file in the place of a link", () => {
    const files = [file(10, ["a"]), { path: ["link"], attr: "l", "symlink path": ["..", "etc"] }]
    const torrent = parseFolder({ files, pieces: anyPieces(10, 32768) })
    expect(torrent.layout.files[1]).toEqual({ path: "link", offset: 10, length: 0, padding: false })
  })

  it("has safe paths, and the author's own for web seeds", () => {
    const files = [file(10, ["..", "a:b"]), file(10, ["__", "a_b"])]
    const torrent = parseFolder({ files, name: "../x", pieces: anyPieces(20, 32768) })
    expect(torrent.name).toBe(".._x")
    expect(torrent.rawName).toBe("../x")
    expect(torrent.layout.files.map((f) => f.path)).toEqual(["__/a_b", "__~2/a_b"])
    expect(rawPathsOf(torrent)).toEqual([
      ["..", "a:b"],
      ["__", "a_b"],
    ])
    // The second got another name only because the first has its own.
    expect([...torrent.renamed.keys()]).toEqual([0, 1])
  })

  it("prefers names that are declared as UTF-8", () => {
    const old = Uint8Array.of(0xca, 0xfd)
    const files = [file(10, [old], { "path.utf-8": ["数.csv"] })]
    const torrent = parseFolder({ name: old, "name.utf-8": "数据", files, pieces: anyPieces(10, 32768) })
    expect(torrent.name).toBe("数据")
    expect(torrent.layout.files[0]?.path).toBe("数.csv")
    expect(rawPathsOf(torrent)).toEqual([["数.csv"]])
    expect(torrent.renamed.size).toBe(0)
  })
})

describe("a torrent of one file", () => {
  it("is read with the file's name for its path", () => {
    const torrent = parse(
      torrentOf({ name: "mnist.pkl.gz", "piece length": 16384, length: 5, pieces: anyPieces(5, 16384) }),
    )
    expect(torrent.kind).toBe("file")
    expect(torrent.layout.files).toEqual([{ path: "mnist.pkl.gz", offset: 0, length: 5, padding: false }])
    expect(rawPathsOf(torrent)).toEqual([["mnist.pkl.gz"]])
  })

  it("is named after its infohash when it has no name", () => {
    const torrent = parse(torrentOf({ name: "", "piece length": 16384, length: 5, pieces: anyPieces(5, 16384) }))
    expect(torrent.name).toBe(toHex(torrent.infoHash))
  })
})

describe("the infohash", () => {
  it("is of the bytes as found, unknown keys, odd order and huge integers included", () => {
    const info = encodeUtf8(
      `d4:name1:x6:lengthi5e12:piece lengthi16384e6:pieces20:${"h".repeat(20)}9:publisheri${"9".repeat(40)}ee`,
    )
    const torrent = parse(torrentOf(new Encoded(info)))
    expect(torrent.infoBytes).toEqual(info)
    expect(toHex(torrent.infoHash)).toBe(createHash("sha1").update(info).digest("hex"))
  })

  it("stays when the caller uses the memory again, a Buffer's even", () => {
    const bytes = Buffer.from(torrentOf(folderInfo()))
    const torrent = parse(bytes)
    const infoBytes = Buffer.from(torrent.infoBytes)
    const alone = parseInfoDictionary(infoBytes, digester)
    bytes.fill(0)
    infoBytes.fill(0)
    expect(toHex(torrent.infoHash)).toBe(createHash("sha1").update(torrent.infoBytes).digest("hex"))
    expect(alone.pieceHashes).toEqual(torrent.pieceHashes)
    expect(torrent.pieceHashes).toEqual(anyPieces(50_020, 32768))
  })
})

describe("an info dictionary from a peer", () => {
  it("gives the same dataset, without what stands outside", () => {
    const torrent = parse(torrentOf(folderInfo()))
    const fromPeer = parseInfoDictionary(torrent.infoBytes, digester)
    expect(fromPeer).toEqual({ ...torrent, trackers: [] })
  })

  it("must be the whole of what came", () => {
    expect(() => parseInfoDictionary(encodeUtf8("de3:xyz"), digester)).toThrow(/something follows/)
    expect(() => parseInfoDictionary(encodeUtf8("le"), digester)).toThrow(AtError)
  })
})

describe("what stands outside of info", () => {
  it("is read when well-formed", () => {
    const torrent = parseOuter({
      comment: "ünïcode",
      "created by": "maker/1.0",
      "creation date": 1411423377,
      "url-list": "https://seed.example/x",
    })
    expect(torrent).toMatchObject({ comment: "ünïcode", createdBy: "maker/1.0", creationDate: 1411423377 })
    expect(torrent.webSeeds).toEqual(["https://seed.example/x"])
    expect(torrent.trackers).toEqual([])
  })

  it("is null when absent or of another type", () => {
    const torrent = parseOuter({
      comment: 5,
      "creation date": "yesterday",
      announce: [],
      "url-list": 7,
      "announce-list": 3,
    })
    expect(torrent).toMatchObject({ comment: null, createdBy: null, creationDate: null, trackers: [], webSeeds: [] })
    expect(parseOuter({ "creation date": -1 }).creationDate).toBeNull()
    expect(parseOuter({ "creation date": 1e15 }).creationDate).toBeNull()
  })

  it("has trackers in tiers, without empty strings, empty tiers and repetitions", () => {
    const list = [
      ["http://a.example/x", "", "udp://b.example:1"],
      [""],
      [],
      ["http://a.example/x"],
      [" http://c.example/ "],
    ]
    expect(parseOuter({ announce: "http://z.example/", "announce-list": list }).trackers).toEqual([
      ["http://a.example/x", "udp://b.example:1"],
      ["http://c.example/"],
    ])
  })

  it("falls back to announce when the list has no URL", () => {
    const outer = { announce: "http://z.example/", "announce-list": [[""]] }
    expect(parseOuter(outer).trackers).toEqual([["http://z.example/"]])
    expect(parseOuter({ announce: "" }).trackers).toEqual([])
  })

  it("takes a flat list of trackers for tiers of one", () => {
    expect(parseOuter({ "announce-list": ["http://a.example/", "http://b.example/"] }).trackers).toEqual([
      ["http://a.example/"],
      ["http://b.example/"],
    ])
  })

  it("has web seeds over HTTP alone, once each, and drops what would write lines into a request", () => {
    const urls = [
      "http://a.example/a b[1]",
      "ftp://b.example/",
      "HTTPS://c.example/",
      "http://a.example/a b[1]",
      "http://d\r\nx: y",
      5,
    ]
    expect(parseOuter({ "url-list": urls }).webSeeds).toEqual(["http://a.example/a b[1]", "HTTPS://c.example/"])
  })

  it("keeps no flood of URLs", () => {
    const urls = Array.from({ length: 10_000 }, (_, i) => `http://${i}.example/`)
    const torrent = parseOuter({ "url-list": urls, "announce-list": urls })
    expect(torrent.webSeeds.length).toBeLessThanOrEqual(256)
    expect(torrent.trackers.flat().length).toBeLessThanOrEqual(256)
    expect(parseOuter({ "url-list": `http://a.example/${"x".repeat(5000)}` }).webSeeds).toEqual([])
  })

  it("may be followed by something else", () => {
    expect(parse(new Uint8Array([...torrentOf(folderInfo()), 0x0d, 0x0a])).name).toBe("dataset")
  })
})

describe("what is no torrent, or none that can be used", () => {
  it.each([
    ["", /empty/],
    ["\ufeff\n<!DOCTYPE html><html>", /web page/],
    ["magnet:?xt=urn:btih:0", /magnet link/],
    ["hello", /not a torrent/],
    ["le", /not a torrent/],
    ["d3:foo3:bare", /no info/],
    ["d4:info3:bare", /no info/],
    ["d4:infod4:name", /cut off/],
    ["d4:infoi01ee", /damaged/],
  ])("is refused in words: %j", (text, message) => {
    expect(refusal(encodeUtf8(text))).toMatch(message)
  })

  it.each<[string, Record<string, BencodeInput | undefined>, RegExp]>([
    ["no pieces", { pieces: undefined }, /no piece hashes/],
    ["too few pieces", { pieces: anyPieces(32768, 32768) }, /20 bytes of piece hashes where its files need 40/],
    ["half a hash", { pieces: new Uint8Array(41) }, /piece hashes/],
    ["no piece length", { "piece length": undefined }, /piece length is missing/],
    ["a piece length of 0", { "piece length": 0 }, /piece length is 0/],
    ["a negative piece length", { "piece length": -1 }, /piece length/],
    ["a huge piece length", { "piece length": 2 ** 40 }, /piece length/],
    ["a piece length beyond numbers", { "piece length": 2n ** 80n }, /piece length/],
    ["no files and no length", { files: undefined }, /neither files nor/],
    ["an empty file list", { files: [], pieces: "" }, /no files/],
    ["a file that is no dictionary", { files: [5] }, /file 0 .*dictionary/],
    ["a file without length", { files: [{ path: ["a"] }] }, /file 0 .*length/],
    ["a negative length", { files: [file(-1, ["a"]), file(5, ["b"])] }, /file 0 .*length/],
    ["a path of numbers", { files: [file(5, [1, 2])] }, /path of file 0/],
    [
      "a path too deep",
      {
        files: [
          file(
            5,
            Array.from({ length: 129 }, () => "a"),
          ),
        ],
      },
      /path of file 0/,
    ],
    ["a path too long", { files: [file(5, ["a".repeat(5000)])] }, /path of file 0/],
    ["too many pieces", { "piece length": 1, files: [file(2 ** 40, ["a"])] }, /pieces/],
    ["lengths beyond numbers in sum", { files: [file(2 ** 53 - 1, ["a"]), file(2 ** 53 - 1, ["b"])] }, /pieces/],
  ])("is refused in words: %s", (_, changes, message) => {
    expect(refusal(torrentOf(folderInfo(changes)))).toMatch(message)
  })

  it("is refused by its size before it is looked at", () => {
    expect(refusal(new Uint8Array((64 << 20) + 1))).toMatch(/too many/)
  })
})

/** A .torrent that is not ours to keep in the repository: the tests pass without. */
function realTorrent(name: string, skip: (why: string) => never): Uint8Array {
  const path = join(process.env["AT_TEST_TORRENTS"] ?? "", `${name}.torrent`)
  return existsSync(path) ? readFileSync(path) : skip(`AT_TEST_TORRENTS names no folder with ${name}.torrent`)
}

describe("real torrents of Academic Torrents", () => {
  it("wikipedia-2013: 9 GB, extra keys in info, five tiers, FTP seeds", ({ skip }) => {
    const torrent = parse(realTorrent("wikipedia-2013", skip))
    expect(toHex(torrent.infoHash)).toBe("30ac2ef27829b1b5a7d0644097f55f335ca5241b")
    expect(torrent.name).toBe("Wikipedia_English_Official_Offline_Edition_(version_20130805)_[Xprt].xml.bz2")
    expect(torrent.layout.length).toBe(10_082_006_833)
    expect(torrent.layout.pieceLength).toBe(4 << 20)
    expect(torrent.layout.pieceCount).toBe(2404)
    expect(torrent.trackers).toHaveLength(5)
    expect(torrent.webSeeds).toHaveLength(6)
    expect(torrent.kind).toBe("file")
  })

  it("vangogh: an empty tracker tier, a web seed", ({ skip }) => {
    const torrent = parse(realTorrent("vangogh", skip))
    expect(toHex(torrent.infoHash)).toBe("55a8925a8d546b9ca47d309ab438b91f7959e77f")
    expect(torrent.name).toBe("vangogh.tar.gz")
    expect(torrent.layout.length).toBe(47_622_171)
    expect(torrent.layout.pieceCount).toBe(1454)
    expect(torrent.trackers.every((tier) => tier.length > 0 && !tier.includes(""))).toBe(true)
    expect(torrent.webSeeds).toHaveLength(1)
    expect(torrent.private).toBe(false)
  })
})
