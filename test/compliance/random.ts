import { describe, expect } from "vitest"
import type { Random } from "../../src/ports/random.js"
import { fingerprint } from "../support/bytes.js"
import { holds, type MakeStage } from "./stage.js"

/** What `src/ports/random.ts` promises. Chances of a wrong alarm are below one in 10^12. */
export function describeRandomCompliance(name: string, make: MakeStage<Random>): void {
  describe(`random of ${name}`, () => {
    holds("gives as many fresh bytes as asked for", make, async (random) => {
      for (const length of [0, 1, 20, 1000]) expect(random.bytes(length)).toHaveLength(length)
      expect(fingerprint(random.bytes(32))).not.toBe(fingerprint(random.bytes(32)))
      expect(new Set(random.bytes(20_000)).size).toBe(256)
    })

    holds("gives whole numbers from 0 up to the bound, all of them about as often", make, async (random) => {
      for (const below of [1, 2, 6, 100, 2 ** 31 + 1, 2 ** 32]) {
        for (let i = 0; i < 200; i++) {
          const number = random.below(below)
          expect(Number.isInteger(number) && number >= 0 && number < below).toBe(true)
        }
      }
      const counts = new Array<number>(6).fill(0)
      for (let i = 0; i < 6000; i++) counts[random.below(6)]!++
      for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(300)
    })
  })
}
