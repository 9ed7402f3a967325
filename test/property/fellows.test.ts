import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Fellows } from "../../src/picker/fellows.js"

const PIECES = 2000

/** Downloaders who all know each other. */
function group(ids: readonly Uint8Array[]): Fellows[] {
  return ids.map((own) => {
    const fellows = new Fellows(own)
    ids.forEach((id, source) => {
      if (id !== own) fellows.add(source + 1, id)
    })
    return fellows
  })
}

const ids = fc.uniqueArray(fc.uint8Array({ minLength: 20, maxLength: 20 }), {
  minLength: 2,
  maxLength: 6,
  selector: String,
})

describe("fellow downloaders", () => {
  it("come to the same division without a word: each piece is for one of them, and all have about as many", () => {
    fc.assert(
      fc.property(ids, (peerIds) => {
        const fellows = group(peerIds)
        const shares = fellows.map(() => 0)
        for (let piece = 0; piece < PIECES; piece++) {
          for (const [index, one] of fellows.entries()) if (one.claim(piece) > 0) shares[index]!++
        }
        expect(shares.reduce((sum, share) => sum + share)).toBe(PIECES)
        const fair = PIECES / fellows.length
        for (const share of shares) expect(Math.abs(share - fair)).toBeLessThan(6 * Math.sqrt(fair))
      }),
      { numRuns: 50 },
    )
  })

  it("of whom two work at different speeds meet at the end: what one takes last the other takes first", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          ids.map((many) => many[0]!),
          { minLength: 2, maxLength: 2, selector: String },
        ),
        (two) => {
          const [a, b] = group(two) as [Fellows, Fellows]
          for (let piece = 0; piece < 100; piece++) expect(a.claim(piece)).toBe(-b.claim(piece))
        },
      ),
    )
  })

  it("who leave give their share back", () => {
    const fellows = new Fellows(new Uint8Array(20).fill(1))
    fellows.add(7, new Uint8Array(20).fill(2))
    expect(fellows.size).toBe(1)
    fellows.delete(7)
    expect(fellows.size).toBe(0)
    for (let piece = 0; piece < 100; piece++) expect(fellows.claim(piece)).toBeGreaterThan(0)
  })
})
