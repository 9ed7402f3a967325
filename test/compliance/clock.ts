import { describe, expect } from "vitest"
import type { Clock } from "../../src/ports/clock.js"
import { holds, type MakeStage, Waiter } from "./stage.js"

/** What `src/ports/clock.ts` promises. */
export function describeClockCompliance(name: string, make: MakeStage<Clock>): void {
  const sleep = (clock: Clock, delay: number) => new Promise<void>((resolve) => void clock.after(delay, resolve))

  describe(`clock of ${name}`, () => {
    holds("never calls before the delay is over, and not inside the call", make, async (clock) => {
      for (const delay of [0, 0.3, 1, 7, 20.5]) {
        const start = clock.now()
        let inside = true
        await new Promise<void>((resolve) => {
          clock.after(delay, () => {
            expect(inside).toBe(false)
            resolve()
          })
          inside = false
        })
        expect(clock.now() - start).toBeGreaterThanOrEqual(delay)
      }
    })

    holds("calls in the order of the times, however they were asked for", make, async (clock) => {
      const order: number[] = []
      await Promise.all(
        [40, 1, 20].map(async (delay) => {
          await sleep(clock, delay)
          order.push(delay)
        }),
      )
      expect(order).toEqual([1, 20, 40])
    })

    holds("calls once each", make, async (clock) => {
      let calls = 0
      for (let i = 0; i < 100; i++) clock.after(i % 5, () => calls++)
      await sleep(clock, 20)
      expect(calls).toBe(100)
    })

    holds("does not call what was cancelled, even by another timer of the same moment", make, async (clock) => {
      const called: string[] = []
      clock.after(5, () => called.push("cancelled at once")).cancel()
      const first = clock.after(5, () => {
        called.push("first")
        second.cancel()
      })
      const second = clock.after(5, () => {
        called.push("second")
        first.cancel()
      })
      await sleep(clock, 15)
      expect(called).toHaveLength(1)
    })

    holds("takes a cancel after the call, and a second one, as nothing", make, async (clock) => {
      const waiter = new Waiter()
      let fired = false
      const timer = clock.after(1, () => {
        fired = true
        waiter.notify()
      })
      await waiter.until(() => fired)
      timer.cancel()
      timer.cancel()
      await sleep(clock, 1)
    })

    holds("goes on and never back, with a wall time of this century", make, async (clock) => {
      let last = clock.now()
      for (let i = 0; i < 20; i++) {
        await sleep(clock, i % 3)
        expect(clock.now()).toBeGreaterThanOrEqual(last)
        last = clock.now()
      }
      expect(clock.wallTime()).toBeGreaterThan(Date.UTC(2024, 0))
      expect(clock.wallTime()).toBeLessThan(Date.UTC(2100, 0))
    })
  })
}
