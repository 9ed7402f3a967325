import { describe, expect, it } from "vitest"
import { DelayHistogram } from "../../../src/bytes/delay-histogram.js"
import { Occupancy } from "../../../src/bytes/occupancy.js"

describe("an occupancy", () => {
  it("weights how many there were by how long", () => {
    const places = new Occupancy()
    places.add(1, 1000)
    places.add(2, 1100)
    places.add(-2, 1150)
    places.add(-1, 1200)
    expect(places.max).toBe(3)
    expect(places.busy(5000)).toBe(200)
    expect(places.time(5000)).toBe(100 + 3 * 50 + 50)
  })

  it("counts those that are there now", () => {
    const places = new Occupancy()
    places.add(2, 10)
    expect(places.time(60)).toBe(100)
    expect(places.busy(60)).toBe(50)
    expect(places.time(70)).toBe(120)
  })
})

describe("delays", () => {
  it("have a mean, a maximum, and percentiles that are at most a fifth too high", () => {
    const delays = new DelayHistogram()
    for (let delay = 1; delay <= 1000; delay++) delays.add(delay)
    expect(delays.mean).toBe(500.5)
    expect(delays.max).toBe(1000)
    for (const share of [0.01, 0.5, 0.9]) {
      const exact = 1000 * share
      expect(delays.percentile(share)).toBeGreaterThanOrEqual(exact)
      expect(delays.percentile(share)).toBeLessThan(1.2 * exact)
    }
    expect(delays.percentile(1)).toBe(1000)
  })

  it("are 0 when there were none, and may be longer than any bucket", () => {
    const delays = new DelayHistogram()
    expect([delays.mean, delays.max, delays.percentile(0.99)]).toEqual([0, 0, 0])
    delays.add(0.25)
    expect(delays.percentile(0.99)).toBe(0.25)
    delays.add(1e9)
    expect(delays.percentile(0.99)).toBeGreaterThan(50_000)
    expect(delays.max).toBe(1e9)
  })
})
