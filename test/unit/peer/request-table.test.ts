import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { RequestTable } from "../../../src/peer/request-table.js"

describe("the request table", () => {
  test("is a map that remembers the order of its entries, whatever is done to it", () => {
    const key = fc.oneof(
      fc.nat({ max: 200 }),
      fc.maxSafeNat(),
      fc.nat({ max: 40 }).map((n) => n * 2 ** 33),
    )
    const step = fc.tuple(fc.boolean(), key, fc.nat())
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new RequestTable()
        const model = new Map<number, number>()
        for (const [adding, key, value] of steps) {
          if (adding) {
            expect(table.add(key, value)).toBe(!model.has(key))
            if (!model.has(key)) model.set(key, value)
          } else {
            expect(table.delete(key)).toBe(model.get(key))
            model.delete(key)
          }
          expect(table.has(key)).toBe(model.has(key))
          expect(table.get(key)).toBe(model.get(key))
          expect(table.size).toBe(model.size)
          const [first] = model
          expect(table.firstValue).toBe(first?.[1])
        }
        const keys = [...model.keys()]
        expect(table.keys()).toEqual(keys)
        for (let place = 0; place <= keys.length; place++) expect(table.keyAt(place)).toBe(keys[place])
        for (const [key, value] of model) expect(table.get(key)).toBe(value)
      }),
      { numRuns: 100 },
    )
  })

  test("holds a thousand blocks of one run, in and out again and again", () => {
    const table = new RequestTable()
    for (let block = 0; block < 100_000; block++) {
      table.add(block, block)
      if (block >= 1000) expect(table.delete(block - 1000)).toBe(block - 1000)
    }
    expect(table.size).toBe(1000)
    expect(table.keyAt(0)).toBe(99_000)
  })
})
