import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import { type Loan, PieceCache } from "../../../src/torrent/giving/piece-cache.js"
import { ReadCredit } from "../../../src/torrent/giving/read-credit.js"
import { deferred } from "../../support/deferred.js"

const MiB = 2 ** 20
const EXTENT = MiB / 2

const layoutOf = (pieceLength: number, length: number): TorrentLayout =>
  new TorrentLayout(pieceLength, [{ path: "data", offset: 0, length, padding: false }])

/** Asks for bytes, as a peer of its own. */
function get(cache: PieceCache, piece: number, begin: number, length: number): Promise<Loan> {
  return cache.get(piece, begin, length, new ReadCredit())
}

/** The same, and gives them back at once. */
async function look(cache: PieceCache, piece: number, begin: number, length: number): Promise<void> {
  const loan = await get(cache, piece, begin, length)
  loan.giveBack()
}

/** The byte of a piece at a place. */
const byteAt = (piece: number, at: number): number => (piece * 37 + at * 11 + (at >> 9)) & 0xff

function fill(piece: number, begin: number, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = byteAt(piece, begin + i)
}

/** A cache over a disk that notes what it is asked. */
function cacheOver(layout: TorrentLayout): { cache: PieceCache; reads: string[] } {
  const reads: string[] = []
  const cache = new PieceCache(layout, async (piece, begin, into) => {
    reads.push(`${piece} ${begin}+${into.length}`)
    fill(piece, begin, into)
  })
  return { cache, reads }
}

describe("the cache of what is uploaded", () => {
  it("gives the bytes that were asked for, wherever they lie", async () => {
    const layout = layoutOf(EXTENT + 5000, 2 * (EXTENT + 5000) + 123)
    const { cache } = cacheOver(layout)
    const place = fc
      .record({
        piece: fc.nat(2),
        at: fc.oneof(fc.nat(EXTENT + 5000), fc.integer({ min: EXTENT - 5000, max: EXTENT + 5000 })),
        length: fc.integer({ min: 1, max: 9000 }),
      })
      .filter(({ piece, at, length }) => at + length <= layout.pieceSize(piece))
    await fc.assert(
      fc.asyncProperty(place, async ({ piece, at, length }) => {
        const expected = new Uint8Array(length)
        fill(piece, at, expected)
        const loan = await get(cache, piece, at, length)
        expect(Buffer.compare(loan.bytes, expected)).toBe(0)
        loan.giveBack()
      }),
    )
  })

  it("reads an extent once for block after block, and for all who ask meanwhile", async () => {
    const { cache, reads } = cacheOver(layoutOf(MiB, 2 * MiB))
    await Promise.all([look(cache, 1, 0, 16_384), look(cache, 1, 16_384, 16_384)])
    for (let at = 0; at < EXTENT; at += 16_384) await look(cache, 1, at, 16_384)
    expect(reads).toEqual([`1 0+${EXTENT}`])
    await look(cache, 1, EXTENT, 16_384)
    expect(reads).toHaveLength(2)
  })

  it("keeps 16 MiB, those used last", async () => {
    const { cache, reads } = cacheOver(layoutOf(EXTENT, 40 * EXTENT))
    for (let piece = 0; piece < 32; piece++) await look(cache, piece, 0, 10)
    await look(cache, 0, 0, 10)
    expect(reads).toHaveLength(32)
    await look(cache, 32, 0, 10)
    await look(cache, 0, 0, 10)
    expect(reads).toHaveLength(33)
    await look(cache, 1, 0, 10)
    expect(reads).toHaveLength(34)
  })

  it("reads again what it was told to forget, and nothing else", async () => {
    const { cache, reads } = cacheOver(layoutOf(MiB, 3 * MiB))
    for (const piece of [0, 1, 2]) for (const at of [0, EXTENT]) await look(cache, piece, at, 10)
    expect(reads).toHaveLength(6)
    cache.forget(1)
    for (const piece of [0, 2]) for (const at of [0, EXTENT]) await look(cache, piece, at, 10)
    expect(reads).toHaveLength(6)
    for (const at of [0, EXTENT]) await look(cache, 1, at, 10)
    expect(reads).toHaveLength(8)
  })

  it("does not keep a failed read", async () => {
    const { promise, reject } = deferred()
    let reads = 0
    const cache = new PieceCache(layoutOf(MiB, MiB), async (piece, begin, into) => {
      if (reads++ === 0) await promise
      fill(piece, begin, into)
    })
    const both = [get(cache, 0, 0, 10), get(cache, 0, 10, 10)]
    reject(new Error("the disk is gone"))
    for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe("rejected")
    expect((await get(cache, 0, 0, 10)).bytes).toHaveLength(10)
    expect(reads).toBe(2)
  })

  it("gives at once what is in memory, and nothing else", async () => {
    const { cache, reads } = cacheOver(layoutOf(MiB, MiB))
    cache.warm(0, 0, new ReadCredit())
    expect(cache.peek(0, 0, 10)).toBe(undefined)
    await look(cache, 0, 0, 10)
    const expected = new Uint8Array(10)
    fill(0, 500, expected)
    expect(cache.peek(0, 500, 10)?.bytes).toEqual(expected)
    expect(cache.peek(0, EXTENT - 5, 10)).toBe(undefined)
    expect(cache.peek(0, EXTENT, 10)).toBe(undefined)
    expect(reads).toEqual([`0 0+${EXTENT}`])
  })

  it("leaves what is lent as it is, however much is read meanwhile, until it is given back", async () => {
    const { cache } = cacheOver(layoutOf(EXTENT, 100 * EXTENT))
    const lent = await Promise.all([0, 1, 2].map((piece) => get(cache, piece, 0, 1000)))
    const copies = lent.map(({ bytes }) => bytes.slice())
    for (let piece = 3; piece < 100; piece++) await look(cache, piece, 0, 10)
    expect(lent.map(({ bytes }) => bytes)).toEqual(copies)
  })

  it("keeps no more than 64 MiB with what is lent, and reads what is asked for all the same", async () => {
    const extents = 500
    const { cache } = cacheOver(layoutOf(EXTENT, extents * EXTENT))
    const lent: Loan[] = []
    for (let piece = 0; piece < extents; piece++) lent.push(await get(cache, piece, 7, 1))
    const memories = new Set(lent.map(({ bytes }) => bytes.buffer))
    const kept = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)
    expect(kept).toBeLessThanOrEqual(64 * MiB + extents)
    expect(lent.map(({ bytes }) => [...bytes])).toEqual(lent.map((_, piece) => [byteAt(piece, 7)]))
  })

  it("uses the memory of what it lets go of for what it reads next", async () => {
    const memories = new Set<ArrayBufferLike>()
    const cache = new PieceCache(layoutOf(EXTENT, 1000 * EXTENT), async (_piece, _begin, into) => {
      memories.add(into.buffer)
    })
    for (let piece = 0; piece < 1000; piece++) await look(cache, piece, 0, 10)
    expect(memories.size).toBeLessThanOrEqual(33)
  })
})
