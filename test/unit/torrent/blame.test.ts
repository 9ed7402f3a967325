import { describe, expect, it } from "vitest"
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.js"
import { OpenPiece } from "../../../src/picker/open-piece.js"
import { Blame } from "../../../src/torrent/receiving/blame.js"
import { digester } from "../../support/torrents.js"

/** A full piece whose blocks were given by these sources; the bytes of each block are its value. */
function pieceOf(piece: number, blocks: readonly { giver: number; value: number }[]): OpenPiece {
  const size = blocks.length * BLOCK_LENGTH - 10
  const open = new OpenPiece(piece, size, { bytes: new Uint8Array(size) }, 0)
  blocks.forEach(({ giver, value }, index) => {
    const writer = { destination: null }
    open.begin(index, writer)?.fill(value)
    open.end(index, writer, giver)
  })
  return open
}

const by = (giver: number, value: number) => ({ giver, value })

describe("who sent wrong bytes", () => {
  it("a piece's only giver, at once", () => {
    expect(new Blame(digester).rejected(pieceOf(0, [by(4, 1), by(4, 9)]))).toEqual([4])
  })

  it("a piece's only giver, though padding that we made ourselves came with it", () => {
    const size = 3 * BLOCK_LENGTH
    const open = new OpenPiece(0, size, { bytes: new Uint8Array(size) }, 0)
    open.pad(2)
    for (const index of [0, 1]) {
      const writer = { destination: null }
      open.begin(index, writer)
      open.end(index, writer, 4)
    }
    expect(open.full).toBe(true)
    expect(new Blame(digester).rejected(open)).toEqual([4])
  })

  it("of several, nobody at first; then those alone whose blocks were wrong", () => {
    const blame = new Blame(digester)
    expect(blame.rejected(pieceOf(0, [by(1, 1), by(2, 9), by(3, 9)]))).toEqual([])
    expect(blame.verified(pieceOf(0, [by(1, 1), by(4, 2), by(3, 3)])).sort()).toEqual([2, 3])
  })

  it("keeps pieces apart, and forgets a piece when it is right", () => {
    const blame = new Blame(digester)
    blame.rejected(pieceOf(0, [by(1, 1), by(2, 9)]))
    const right = [by(5, 1), by(5, 2)]
    expect(blame.verified(pieceOf(1, right))).toEqual([])
    expect(blame.verified(pieceOf(0, right))).toEqual([2])
    expect(blame.verified(pieceOf(0, right))).toEqual([])
  })

  it("remembers 64 failed pieces, four failures of each", () => {
    const blame = new Blame(digester)
    const right = [by(5, 1), by(5, 2)]
    for (let giver = 11; giver <= 16; giver++) blame.rejected(pieceOf(0, [by(1, 1), by(giver, 9)]))
    expect(blame.verified(pieceOf(0, right)).sort()).toEqual([11, 12, 13, 14])
    for (let piece = 0; piece < 70; piece++) blame.rejected(pieceOf(piece, [by(1, 1), by(2, 9)]))
    const blamed = Array.from({ length: 70 }, (_, piece) => blame.verified(pieceOf(piece, right)).length)
    expect(blamed.reduce((sum, n) => sum + n, 0)).toBe(64)
  })
})
