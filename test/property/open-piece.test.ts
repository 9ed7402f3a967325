import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BLOCK_LENGTH } from "../../src/metainfo/layout.js"
import { OpenPiece, type Writer } from "../../src/picker/open-piece.js"

const SOURCES = 3
const BLOCKS = 2
/** The last block is short. */
const SIZE = BLOCK_LENGTH + 1000

/** A source as a connection sees it: it writes its own byte into whatever destination it still has. */
class Source implements Writer {
  destination: Uint8Array | null = null
  block: number | undefined
  written = 0
  readonly id: number

  constructor(id: number) {
    this.id = id
  }
}

type Step = {
  source: number
  action: "begin" | "write" | "end" | "abandon" | "ask" | "unask"
  block: number
  share: number
}

const step: fc.Arbitrary<Step> = fc.record({
  source: fc.nat(SOURCES - 1),
  action: fc.constantFrom<Step["action"]>("begin", "begin", "write", "write", "end", "end", "abandon", "ask", "unask"),
  block: fc.nat(BLOCKS - 1),
  share: fc.constantFrom(50, 100),
})

function play(steps: readonly Step[]): { piece: OpenPiece; sources: Source[] } {
  const piece = new OpenPiece(7, SIZE, { bytes: new Uint8Array(SIZE) }, 0)
  const sources = Array.from({ length: SOURCES }, (_, i) => new Source(i + 1))
  for (const { source: index, action, block, share } of steps) {
    const source = sources[index]!
    if (action === "ask") piece.ask(block)
    if (action === "unask") piece.unask(block)
    if (action === "begin" && source.block === undefined) {
      source.block = block
      source.written = 0
      source.destination = piece.begin(block, source)
    }
    const ownLength = Math.min(BLOCK_LENGTH, SIZE - (source.block ?? 0) * BLOCK_LENGTH)
    if (action === "write" && source.block !== undefined) {
      const count = Math.min(Math.ceil((ownLength * share) / 100), ownLength - source.written)
      source.destination?.fill(source.id, source.written, source.written + count)
      source.written += count
    }
    if (action === "end" && source.block !== undefined && source.written === ownLength) {
      piece.end(source.block, source, source.id)
      source.block = undefined
      source.destination = null
    }
    if (action === "abandon" && source.block !== undefined) {
      piece.abandon(source.block, source)
      source.block = undefined
      source.destination = null
    }
    if (piece.full) break
  }
  return { piece, sources }
}

describe("an open piece", () => {
  it("holds, for every received block, the bytes of its giver alone, however writers overlap", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { piece } = play(steps)
        for (let index = 0; index < BLOCKS; index++) {
          if (!piece.isReceived(index)) continue
          const giver = piece.giver(index)
          expect(piece.block(index).every((byte) => byte === giver)).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("has no writer into a received block, and none at all once it is full", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { piece, sources } = play(steps)
        for (const source of sources) {
          if (source.destination === null || source.block === undefined) continue
          expect(piece.isReceived(source.block)).toBe(false)
          expect(piece.full).toBe(false)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("never loses a block: each is received, asked for, being written, or to be asked for", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { piece, sources } = play(steps)
        let open = 0
        for (let index = 0; index < BLOCKS; index++) {
          const written = sources.some((source) => source.block === index && source.destination !== null)
          if (!piece.isReceived(index) && piece.copiesAsked(index) === 0 && !written) open++
        }
        expect(piece.unasked).toBe(open)
        expect(piece.nextUnasked() === undefined).toBe(open === 0)
      }),
      { numRuns: 1000 },
    )
  })

  it("takes a block away from its writer when another begins it", () => {
    const { piece } = play([
      { source: 0, action: "begin", block: 0, share: 100 },
      { source: 0, action: "write", block: 0, share: 50 },
      { source: 1, action: "begin", block: 0, share: 100 },
      { source: 1, action: "write", block: 0, share: 100 },
      { source: 1, action: "end", block: 0, share: 100 },
      { source: 0, action: "write", block: 0, share: 100 },
      { source: 0, action: "end", block: 0, share: 100 },
    ])
    expect(piece.giver(0)).toBe(2)
    expect(new Set(piece.block(0))).toEqual(new Set([2]))
  })

  it("is full without its padding, which is zeros in memory that was used before, and is not written to or counted", () => {
    const piece = new OpenPiece(7, SIZE, { bytes: new Uint8Array(SIZE).fill(9) }, 0)
    piece.pad(1)
    expect(new Set(piece.block(1))).toEqual(new Set([0]))
    expect(piece.begin(1, { destination: null })).toBeNull()
    expect([piece.unasked, piece.receivedCount, piece.receivedBytes]).toEqual([1, 0, 0])
    const writer: Writer = { destination: null }
    piece.begin(0, writer)
    piece.end(0, writer, 3)
    expect(piece.full).toBe(true)
    expect([piece.receivedCount, piece.receivedBytes]).toEqual([1, BLOCK_LENGTH])
    expect(piece.givers()).toEqual(new Set([3]))
  })

  it("discards what a writer does after the piece went to the disk", () => {
    const piece = new OpenPiece(0, SIZE, { bytes: new Uint8Array(SIZE) }, 0)
    const late: Writer = { destination: null }
    late.destination = piece.begin(0, late)
    piece.detachAll()
    expect(late.destination).toBeNull()
    expect(piece.end(0, late, 1)).toBe(false)
  })
})
