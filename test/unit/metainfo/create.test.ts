import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { toLatin1 } from "../../../src/bytes/text.js"
import { choosePieceLength, compareFilePaths, createTorrent } from "../../../src/metainfo/create.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import { anyPieces, digester } from "../../support/torrents.js"

const draft = {
  name: "dataset",
  kind: "folder" as const,
  files: [
    { path: ["images", "a.jpg"], length: 50_000 },
    { path: ["README"], length: 20 },
  ],
  pieceLength: 32768,
  pieceHashes: anyPieces(50_020, 32768),
}

describe("a created torrent", () => {
  it("is read back as it was meant", () => {
    const { torrent, info } = createTorrent({
      ...draft,
      private: true,
      trackers: [["http://a.example/", "http://b.example/"], [], ["udp://c.example:1"]],
      webSeeds: ["https://seed.example/"],
      comment: "données",
      createdBy: "us",
      creationDate: 1411423377,
    })
    const read = parseTorrent(torrent, digester)
    expect(read.infoBytes).toEqual(info)
    expect(read).toMatchObject({
      name: "dataset",
      kind: "folder",
      private: true,
      trackers: [["http://a.example/", "http://b.example/"], ["udp://c.example:1"]],
      webSeeds: ["https://seed.example/"],
      comment: "données",
      createdBy: "us",
      creationDate: 1411423377,
    })
    expect(read.layout.files.map(({ path, length }) => ({ path, length }))).toEqual([
      { path: "images/a.jpg", length: 50_000 },
      { path: "README", length: 20 },
    ])
  })

  it("has nothing in it that was not asked for", () => {
    const { torrent } = createTorrent({
      ...draft,
      kind: "file",
      files: [{ path: [], length: 5 }],
      pieceHashes: anyPieces(5, 32768),
    })
    expect(toLatin1(torrent)).toMatch(/^d4:infod6:lengthi5e4:name7:dataset12:piece lengthi32768e6:pieces20:.{20}ee$/s)
  })

  it("has the same infohash whatever stands outside of info", () => {
    expect(createTorrent({ ...draft, comment: "x", private: false }).info).toEqual(createTorrent(draft).info)
    expect(createTorrent({ ...draft, private: true }).info).not.toEqual(createTorrent(draft).info)
  })
})

describe("the chosen piece length", () => {
  it.each([
    [0, 16 << 10],
    [1, 16 << 10],
    [32 << 20, 16 << 10],
    [(32 << 20) + 1, 32 << 10],
    [1 << 30, 512 << 10],
    [150 * 2 ** 30, 32 << 20],
    [2 ** 50, 32 << 20],
  ])("for %d bytes is %d", (length, pieceLength) => {
    expect(choosePieceLength(length)).toBe(pieceLength)
  })

  it("makes 1,025 to 2,048 pieces between 16 MiB and 64 GiB", () => {
    fc.assert(
      fc.property(fc.integer({ min: (16 << 20) + 1, max: 2 ** 36 }), (length) => {
        const pieces = Math.ceil(length / choosePieceLength(length))
        expect(pieces).toBeGreaterThan(1024)
        expect(pieces).toBeLessThanOrEqual(2048)
      }),
    )
  })
})

describe("the order of files", () => {
  it("is that of the bytes of their paths, in every language", () => {
    const names = ["a/b", "a.b", "a", "B", "é", "z", "\u{10000}", "\uffff"].map((path) => path.split("/"))
    expect(names.sort(compareFilePaths).map((path) => path.join("/"))).toEqual([
      "B",
      "a",
      "a.b",
      "a/b",
      "z",
      "é",
      "\uffff",
      "\u{10000}",
    ])
  })
})
