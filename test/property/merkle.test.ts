import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { heightOver, leafCount, rootOf, rootOver, zeroRoot } from "../../src/metainfo/merkle.js"
import { naiveLowestRoot, naiveRoot } from "../support/naive-merkle.js"
import { sha256 } from "../support/torrents.js"

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 9)) & 0xff)
const lengths = fc.oneof(
  fc.integer({ min: 1, max: 300_000 }),
  fc.integer({ min: 1, max: 18 }).map((leaves) => leaves * 16384),
)

describe("a hash tree of BEP 52", () => {
  it("has the root that the definition gives", () => {
    fc.assert(
      fc.property(lengths, (length) => {
        expect(rootOf(bytes(length), sha256)).toEqual(naiveLowestRoot(bytes(length)))
      }),
      { numRuns: 40 },
    )
  })

  it("is the same when it is made piece by piece", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 3 }), (length, height) => {
        const data = bytes(length)
        const pieceLength = 16384 << height
        fc.pre(length > pieceLength)
        const pieces: Uint8Array[] = []
        for (let at = 0; at < length; at += pieceLength) {
          const piece = data.subarray(at, at + pieceLength)
          pieces.push(rootOver(rootOf(piece, sha256), heightOver(leafCount(piece.length)), height, sha256))
        }
        const top = height + heightOver(pieces.length)
        expect(rootOver(new Uint8Array(Buffer.concat(pieces)), height, top, sha256)).toEqual(naiveLowestRoot(data))
      }),
      { numRuns: 40 },
    )
  })

  it("has zeros where there is nothing of the file", () => {
    for (const height of [0, 1, 5, 3]) {
      expect(zeroRoot(height, sha256)).toEqual(naiveRoot(new Uint8Array(0), 2 ** height))
    }
  })

  it("is as high as its leaves need", () => {
    expect([1, 2, 3, 4, 5, 8, 9, 2 ** 20, 2 ** 20 + 1].map(heightOver)).toEqual([0, 1, 2, 2, 3, 3, 4, 20, 21])
  })
})
