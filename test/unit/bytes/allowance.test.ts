import { expect, test } from "vitest"
import { Allowance } from "../../../src/bytes/allowance.js"

test("so many may happen in each period, which begins with the first that happens in it", () => {
  const allowance = new Allowance(2, 1000)
  const taken = [100, 200, 300, 1099, 1100, 2099, 2099, 2100].filter((now) => allowance.take(now))
  expect(taken).toEqual([100, 200, 1100, 2099, 2100])
})

test("to look whether one is left takes none, and begins no period", () => {
  const allowance = new Allowance(1, 1000)
  expect([0, 500].map((now) => allowance.hasLeft(now))).toEqual([true, true])
  expect(allowance.take(900)).toBe(true)
  expect([1000, 1899, 1900].map((now) => allowance.hasLeft(now))).toEqual([false, false, true])
})
