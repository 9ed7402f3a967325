import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RateLimit } from "../../../src/torrent/rate-limit.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

/** ms of saved-up bytes that may pass at once. */
const BURST = 100

describe("a rate limit", () => {
  it("is always open when there is none", () => {
    const limit = new RateLimit(new VirtualClock(), undefined)
    limit.take(2 ** 40)
    expect(limit.bytesPerSecond).toBeUndefined()
    expect(limit.open).toBe(true)
  })

  it("never lets more pass, in any span of time, than the rate, the burst and one chunk allow", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 10_000_000 }),
        fc.array(fc.record({ pause: fc.nat(700), chunk: fc.integer({ min: 1, max: 65_536 }) }), {
          maxLength: 80,
        }),
        async (rate, steps) => {
          const clock = new VirtualClock()
          const limit = new RateLimit(clock, rate)
          const passed: { at: number; bytes: number }[] = []
          for (const { pause, chunk } of steps) {
            await clock.run(pause)
            if (!limit.open) continue
            limit.take(chunk)
            passed.push({ at: clock.now(), bytes: chunk })
          }
          passed.forEach((first, i) => {
            let sum = 0
            for (const { at, bytes } of passed.slice(i)) {
              sum += bytes
              const allowed = (rate * (at - first.at + BURST)) / 1000 + bytes
              expect(sum).toBeLessThanOrEqual(allowed + 1e-6)
            }
          })
        },
      ),
      { numRuns: 100 },
    )
  })

  it("is open again as soon as its rate has paid the debt, and not before", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 10_000_000 }),
        fc.integer({ min: 1, max: 5_000_000 }),
        async (rate, debt) => {
          const clock = new VirtualClock()
          const limit = new RateLimit(clock, rate)
          limit.take((rate * BURST) / 1000 + debt)
          const paid = (debt * 1000) / rate
          await clock.run(Math.max(0, paid - 1))
          expect(limit.open).toBe(false)
          await clock.run(2)
          expect(limit.open).toBe(true)
        },
      ),
    )
  })

  it("uses its rate up: who takes whenever it is open gets it, to one chunk and the burst", async () => {
    const clock = new VirtualClock()
    const limit = new RateLimit(clock, 100_000)
    let sum = 0
    while (clock.now() < 60_000) {
      for (; limit.open; sum += 16_384) limit.take(16_384)
      await clock.run(1)
    }
    expect(sum).toBeGreaterThanOrEqual(60 * 100_000)
    expect(sum).toBeLessThanOrEqual(60.1 * 100_000 + 2 * 16_384)
  })

  it("does not save up more than the burst while nothing passes", async () => {
    const clock = new VirtualClock()
    const limit = new RateLimit(clock, 1000)
    await clock.run(3_600_000)
    let taken = 0
    for (; limit.open; taken++) limit.take(1)
    expect(taken).toBe((1000 * BURST) / 1000)
  })

  it("lets pass only what the limit above allows, too, and counts there", async () => {
    const clock = new VirtualClock()
    const all = new RateLimit(clock, 100_000)
    const [narrow, wide] = [new RateLimit(clock, 30_000, all), new RateLimit(clock, undefined, all)]
    expect([narrow.bytesPerSecond, wide.bytesPerSecond]).toEqual([30_000, 100_000])
    let [byNarrow, byWide] = [0, 0]
    while (clock.now() < 10_000) {
      for (; narrow.open; byNarrow += 1000) narrow.take(1000)
      for (; wide.open; byWide += 1000) wide.take(1000)
      await clock.run(1)
    }
    expect(byNarrow / 300_000).toBeCloseTo(1, 1)
    expect((byNarrow + byWide) / 1_000_000).toBeCloseTo(1, 1)
  })

  it("calls who waits in turns, whichever limit it is that they wait for", async () => {
    const clock = new VirtualClock()
    const all = new RateLimit(clock, 200_000)
    const torrents = [new RateLimit(clock, undefined, all), new RateLimit(clock, 1_000_000, all)]
    const passed = new Map<string, number>()
    for (const [t, limit] of torrents.entries()) {
      for (const name of [`${t}a`, `${t}b`]) {
        // Each takes all it can get.
        const take = (): void => {
          for (; limit.open; limit.take(1000)) passed.set(name, (passed.get(name) ?? 0) + 1000)
          limit.whenOpen(take)
        }
        take()
      }
    }
    await clock.run(20_000)
    expect(passed.size).toBe(4)
    for (const bytes of passed.values()) expect(bytes / 1_000_000).toBeCloseTo(1, 0)
    expect([...passed.values()].reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(4_000_000 + 21_000)
  })

  it("has a timer only while somebody waits", async () => {
    const clock = new VirtualClock()
    const limit = new RateLimit(clock, 1000, new RateLimit(clock, 1000))
    limit.take(5000)
    expect(clock.pendingTimers).toBe(0)
    let calls = 0
    const call = (): void => void calls++
    limit.whenOpen(call)
    limit.whenOpen(call)
    expect(clock.pendingTimers).toBe(1)
    await clock.run(60_000)
    expect([calls, clock.pendingTimers]).toEqual([1, 0])
    limit.take(5000)
    limit.whenOpen(call)
    limit.forget(call)
    expect(clock.pendingTimers).toBe(0)
  })
})
