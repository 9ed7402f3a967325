import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeUtf8 } from "../../src/bytes/text.js"
import { AtError } from "../../src/errors.js"
import { BLOCK_LENGTH, type LayoutFile, TorrentLayout } from "../../src/metainfo/layout.js"
import type { Metainfo } from "../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../src/metainfo/torrent-file.js"
import { anyPieces, digester, folderInfo, torrentOf } from "../support/torrents.js"

/** What the rest of the program relies on, whatever the torrent said. */
function expectSound(torrent: Metainfo): void {
  const { layout } = torrent
  expect(torrent.infoHash).toHaveLength(20)
  expect(torrent.pieceHashes).toHaveLength(layout.pieceCount * 20)
  for (const [file, elements] of torrent.renamed) {
    expect(elements.join("/")).not.toBe(layout.files[file]!.path)
  }
  expect(Number.isSafeInteger(layout.length)).toBe(true)
  expect(layout.pieceCount).toBeLessThanOrEqual(1 << 21)
  expect(torrent.name).toMatch(/^[^/\\\p{Cc}]+$/u)
  expect(torrent.name).not.toMatch(/^\.{1,2}$/)
  let offset = 0
  for (const file of layout.files) {
    expect(file.offset).toBe(offset)
    expect(file.length).toBeGreaterThanOrEqual(0)
    offset += file.length
    for (const part of file.path.split("/")) expect(part).not.toMatch(/^\.{0,2}$|[\\\p{Cc}]/u)
  }
  expect(new Set(layout.files.map((file) => file.path.toLowerCase())).size).toBe(layout.files.length)
}

/** True when it was read; an error other than AT_METADATA fails the test. */
function parsesOrRefuses(bytes: Uint8Array): boolean {
  let torrent: Metainfo
  try {
    torrent = parseTorrent(bytes, digester)
  } catch (error) {
    expect(error).toBeInstanceOf(AtError)
    expect((error as AtError).code).toBe("AT_METADATA")
    return false
  }
  expectSound(torrent)
  return true
}

const sample = torrentOf(
  folderInfo({
    private: 1,
    files: [
      { length: 50_000, path: ["images", "a.jpg"], attr: "x" },
      { length: 15_536, path: [".pad", "15536"], attr: "p" },
      { length: 20, path: ["README"], "path.utf-8": ["READMÉ"] },
    ],
    pieces: anyPieces(65_556, 32768),
  }),
  {
    announce: "http://tracker.example/announce",
    "announce-list": [["http://tracker.example/announce"], [""]],
    comment: "x",
    "creation date": 1411423377,
    "url-list": ["https://seed.example/"],
  },
)

describe("a damaged torrent", () => {
  it("is refused at every prefix", () => {
    expect(parsesOrRefuses(sample)).toBe(true)
    for (let length = 0; length < sample.length; length++)
      expect(parsesOrRefuses(sample.subarray(0, length))).toBe(false)
  })

  it("is read or refused with every bit flipped", () => {
    for (let bit = 0; bit < sample.length * 8; bit++) {
      const flipped = sample.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      parsesOrRefuses(flipped)
    }
  })

  it("is read or refused with pieces cut out, doubled or made up", () => {
    const scrap = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc
        .constantFrom("i-1e", "le", "de", "0:", "i99999999999999999999e", "1000000000:", "d4:path", "ll", "e")
        .map(encodeUtf8),
    )
    const edit = fc.record({ at: fc.nat(sample.length), cut: fc.nat(30), scrap })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let bytes: number[] = [...sample]
        for (const { at, cut, scrap } of edits) bytes = [...bytes.slice(0, at), ...scrap, ...bytes.slice(at + cut)]
        parsesOrRefuses(Uint8Array.from(bytes))
      }),
      { numRuns: 2000 },
    )
  })
})

describe("a hostile torrent", () => {
  const path = fc.array(fc.constantFrom("..", ".", "", "/", "a", "A", "a.part", "\0", "con", "é", "e\u0301", "~2"), {
    maxLength: 5,
  })
  const value = fc.oneof(
    fc.integer({ min: -5, max: 100_000 }),
    fc.maxSafeInteger(),
    fc.bigInt(),
    fc.constantFrom("", "x", "l", "p", "..", ".academictorrents", "\u202e"),
    fc.constant([]),
    fc.constant({}),
    path,
  )
  const entry = fc.oneof(
    { weight: 5, arbitrary: fc.record({ length: fc.nat(100_000), path }) },
    { weight: 1, arbitrary: fc.record({ length: value, path: value, attr: value }, { requiredKeys: [] }) },
  )

  it("of odd names and types is read soundly or refused", () => {
    let read = 0
    const changes = fc.record(
      { name: value, private: value, "meta version": value, "piece length": fc.constant(32768) },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), changes, (files, more) => {
        let length = 0
        for (const file of files) if (typeof file.length === "number") length += file.length
        const pieces = anyPieces(Math.max(0, Math.min(length, 1e6)), 32768)
        if (parsesOrRefuses(torrentOf(folderInfo({ ...more, files, pieces })))) read++
      }),
      { numRuns: 2000 },
    )
    expect(read).toBeGreaterThan(200)
  })

  it("of a hundred thousand equal names is read in linear time", () => {
    const files = Array.from({ length: 100_000 }, () => ({ length: 0, path: ["same", "same"] }))
    const { layout } = parseTorrent(torrentOf(folderInfo({ files, pieces: "" })), digester)
    expect(new Set(layout.files.map((file) => file.path)).size).toBe(100_000)
  })
})

/** Lays files out one after the other. */
function layoutOf(
  pieceLength: number,
  lengths: readonly number[],
  padding: ReadonlySet<number> = new Set(),
): TorrentLayout {
  let offset = 0
  const files = lengths.map((length, index): LayoutFile => {
    const file = { path: `f${index}`, offset, length, padding: padding.has(index) }
    offset += length
    return file
  })
  return new TorrentLayout(pieceLength, files)
}

describe("the layout of a small torrent", () => {
  const shape = fc.record({
    pieceLength: fc.integer({ min: 1, max: 40 }),
    lengths: fc.array(fc.oneof(fc.constant(0), fc.nat(50)), { maxLength: 12 }),
    padding: fc.array(fc.nat(11), { maxLength: 3 }),
  })

  it("agrees with a map of every byte", () => {
    fc.assert(
      fc.property(shape, fc.nat(), fc.nat(), ({ pieceLength, lengths, padding }, from, count) => {
        const pads = new Set(padding)
        const layout = layoutOf(pieceLength, lengths, pads)
        const bytes = lengths.flatMap((length, file) =>
          Array.from({ length }, (_, fileOffset) => ({ file, fileOffset })),
        )
        expect(layout.length).toBe(bytes.length)
        expect(layout.pieceCount).toBe(Math.ceil(bytes.length / pieceLength))
        const start = bytes.length === 0 ? 0 : from % bytes.length
        const spans = Array.from({ length: layout.pieceCount }, (_, piece) => [
          layout.pieceOffset(piece),
          layout.pieceSize(piece),
        ])
        for (const [offset, length] of [...spans, [start, count % (bytes.length - start + 1)]]) {
          const seen = layout
            .extents(offset!, length!)
            .flatMap((e) => Array.from({ length: e.length }, (_, i) => [e.file, e.fileOffset + i, e.pieceOffset + i]))
          const expected = bytes
            .slice(offset, offset! + length!)
            .map(({ file, fileOffset }, at) => [file, fileOffset, at])
            .filter(([file]) => !pads.has(file!))
          expect(seen).toEqual(expected)
        }
        let total = 0
        for (const [, size] of spans) total += size!
        expect(total).toBe(bytes.length)
        lengths.forEach((_, file) => {
          const pieces = new Set<number>()
          bytes.forEach((byte, at) => {
            if (byte.file === file) pieces.add(Math.floor(at / pieceLength))
          })
          const { first, end } = layout.piecesOfFile(file)
          expect(Array.from({ length: end - first }, (_, i) => first + i)).toEqual([...pieces])
        })
      }),
      { numRuns: 1000 },
    )
  })
})

describe("the layout of a torrent of any size", () => {
  // Up to 2^21 pieces and 2^53 bytes, most often close to a limit.
  const shape = fc
    .record({
      pieceCount: fc.oneof(fc.constantFrom(1, 2, (1 << 21) - 1, 1 << 21), fc.integer({ min: 1, max: 1 << 21 })),
      pieceLength: fc.oneof(
        fc.constantFrom(1, 16383, 16384, 16385, 32 << 20, 2 ** 32 - 1, 2 ** 32),
        fc.integer({ min: 1, max: 2 ** 32 }),
      ),
      missing: fc.nat(),
    })
    .map(({ pieceCount, pieceLength, missing }) => {
      const length = pieceCount * pieceLength - (missing % pieceLength)
      return { pieceCount, pieceLength, length: Math.min(length, Number.MAX_SAFE_INTEGER) }
    })

  it("has pieces that agree with exact arithmetic", () => {
    fc.assert(
      fc.property(shape, fc.nat(), ({ pieceLength, length }, seed) => {
        const layout = layoutOf(pieceLength, [Math.floor(length / 3), 0, length - Math.floor(length / 3)])
        const exactCount = (BigInt(length) + BigInt(pieceLength) - 1n) / BigInt(pieceLength)
        expect(BigInt(layout.pieceCount)).toBe(exactCount)
        for (const piece of new Set([0, seed % layout.pieceCount, layout.pieceCount - 1])) {
          const start = BigInt(piece) * BigInt(pieceLength)
          const size = piece === layout.pieceCount - 1 ? BigInt(length) - start : BigInt(pieceLength)
          expect(BigInt(layout.pieceOffset(piece))).toBe(start)
          expect(BigInt(layout.pieceSize(piece))).toBe(size)
          expect(BigInt(layout.blockCount(piece))).toBe((size + 16383n) / 16384n)
          let covered = 0
          const extents = layout.extentsOfPiece(piece)
          expect(layout.liesInOneFile(piece)).toBe(extents.length === 1)
          for (const extent of extents) {
            expect(layout.extentIn(piece, extent.file)).toEqual(extent)
            expect(extent.pieceOffset).toBe(covered)
            expect(layout.files[extent.file]!.offset + extent.fileOffset).toBe(Number(start) + covered)
            covered += extent.length
          }
          expect(BigInt(covered)).toBe(size)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("lets through its gate exactly the blocks it has", () => {
    fc.assert(
      fc.property(shape, fc.nat(), fc.nat(), ({ pieceLength, length }, pieceSeed, blockSeed) => {
        const layout = layoutOf(pieceLength, [length])
        const piece = pieceSeed % 3 === 0 ? layout.pieceCount - 1 : pieceSeed % layout.pieceCount
        const count = layout.blockCount(piece)
        const index = blockSeed % 3 === 0 ? count - 1 : blockSeed % count
        const block = layout.block(piece, index)
        const begin = index * BLOCK_LENGTH
        const size = layout.blockLength(block)
        expect(layout.pieceOfBlock(block)).toBe(piece)
        expect(layout.indexOfBlock(block)).toBe(index)
        expect(size).toBe(Math.min(BLOCK_LENGTH, layout.pieceSize(piece) - begin))
        expect(layout.checkBlock(piece, begin, size)).toBe(block)
        expect(layout.checkRange(piece, begin, size)).toBe(true)
        for (const [p, b, l] of [
          [piece, begin, size + 1],
          [piece, begin, size - 1],
          [piece, begin, 0],
          [piece, begin, -1],
          [piece, begin + 1, size],
          [piece, begin + 0.5, size],
          [piece, layout.pieceSize(piece), BLOCK_LENGTH],
          [piece, -BLOCK_LENGTH, BLOCK_LENGTH],
          [layout.pieceCount, 0, size],
          [-1, 0, size],
          [Number.NaN, 0, size],
        ]) {
          expect(layout.checkBlock(p!, b!, l!)).toBeUndefined()
        }
        expect(layout.checkRange(piece, 0, layout.pieceSize(piece) + 1)).toBe(false)
        expect(layout.checkRange(layout.pieceCount, 0, 1)).toBe(false)
        expect(layout.checkRange(piece, 0, 0)).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })
})
