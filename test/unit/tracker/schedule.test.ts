import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { TrackerSchedule } from "../../../src/tracker/schedule.js"
import { SimRandom } from "../../sim/lib/sim-random.js"

const SECOND = 1000
const MINUTE = 60 * SECOND

/** Chance that always answers 0, so that waits are exact. */
const noChance = { bytes: (length: number) => new Uint8Array(length), below: () => 0 }

function afterAnswer(interval?: number, minInterval?: number): TrackerSchedule {
  const schedule = new TrackerSchedule(noChance)
  schedule.begin(0)
  schedule.succeeded(0, interval, minInterval)
  return schedule
}

describe("when a tracker is asked again", () => {
  it.each([
    ["as it says", 900, undefined, 15 * MINUTE],
    ["after half an hour when it says nothing", undefined, undefined, 30 * MINUTE],
    ["after half an hour when it says 0", 0, undefined, 30 * MINUTE],
    ["not more often than every two minutes", 1, undefined, 2 * MINUTE],
    ["not less often than hourly", 7200, undefined, 60 * MINUTE],
    ["not less often than hourly, whatever it says", 2 ** 40, undefined, 60 * MINUTE],
    ["never before its min interval", 1800, 2700, 45 * MINUTE],
    ["within a day, whatever its min interval", 1800, 2 ** 40, 24 * 60 * MINUTE],
    ["as it says when its min interval means nothing", 900, -5, 15 * MINUTE],
  ])("%s", (_, interval, minInterval, wait) => {
    expect(afterAnswer(interval, minInterval).nextAt).toBe(wait)
  })

  it.each([
    ["its min interval", 1800, 60, MINUTE],
    ["two minutes when it names none", 1800, undefined, 2 * MINUTE],
    ["its interval when that is shorter", 30, undefined, 30 * SECOND],
    ["15 s, however small its min interval", 1800, 1, 15 * SECOND],
  ])("peers wanted: after %s", (_, interval, minInterval, wait) => {
    const schedule = afterAnswer(interval, minInterval)
    schedule.hasten()
    schedule.hasten()
    expect(schedule.nextAt).toBe(wait)
  })

  it("peers wanted in vain: each time later, up to the interval", () => {
    const schedule = afterAnswer(1800, 60)
    const waits: number[] = []
    let now = 0
    for (let round = 0; round < 7; round++) {
      schedule.hasten()
      waits.push((schedule.nextAt! - now) / MINUTE)
      now = schedule.nextAt!
      schedule.begin(now)
      schedule.succeeded(now, 1800, 60)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 1])
  })

  it("we have moved: soon, whatever its min interval, and each time later when that goes on", () => {
    const schedule = afterAnswer(1800, 900)
    const waits: number[] = []
    let now = 0
    for (let round = 0; round < 8; round++) {
      schedule.moved()
      waits.push((schedule.nextAt! - now) / SECOND)
      now = schedule.nextAt!
      schedule.begin(now)
      schedule.succeeded(now, 1800, 900)
    }
    expect(waits).toEqual([15, 30, 60, 120, 240, 480, 960, 1800])
  })

  it("we have moved: who failed is asked anew, perhaps our own network was gone; but not who said never", () => {
    const schedule = afterAnswer(1800, 900)
    schedule.begin(30 * MINUTE)
    schedule.failed(30 * MINUTE, undefined)
    schedule.begin(40 * MINUTE)
    schedule.failed(40 * MINUTE, undefined)
    schedule.moved()
    expect(schedule.nextAt).toBe(40 * MINUTE + 15 * SECOND)
    schedule.failed(40 * MINUTE, "never")
    schedule.moved()
    expect(schedule.nextAt).toBeNull()
  })

  it("climbs the ladder while it fails, and starts again once it answers", () => {
    const schedule = new TrackerSchedule(noChance)
    const waits: number[] = []
    for (let failure = 0; failure < 9; failure++) {
      schedule.failed(0, undefined)
      waits.push(schedule.nextAt! / MINUTE)
    }
    expect(waits).toEqual([1 / 3, 1, 5, 15, 30, 60, 120, 120, 120])
    schedule.hasten()
    expect(schedule.nextAt).toBe(120 * MINUTE)
    schedule.succeeded(0, 1800, undefined)
    schedule.failed(0, undefined)
    expect(schedule.nextAt).toBe(20 * SECOND)
  })

  it("is not left alone for longer than usual once it has answered", () => {
    const schedule = new TrackerSchedule(noChance)
    schedule.succeeded(0, 900, undefined)
    const waits = Array.from({ length: 7 }, () => {
      schedule.failed(0, undefined)
      return schedule.nextAt! / MINUTE
    })
    expect(waits).toEqual([1 / 3, 1, 5, 15, 15, 15, 15])
  })

  it("obeys a tracker that says when to come back, or not to (BEP 31)", () => {
    const schedule = new TrackerSchedule(noChance)
    schedule.failed(0, 7 * MINUTE)
    expect(schedule.nextAt).toBe(7 * MINUTE)
    schedule.failed(0, 0)
    expect(schedule.nextAt).toBe(20 * SECOND)
    schedule.failed(0, 1e15)
    expect(schedule.nextAt).toBe(24 * 60 * MINUTE)
    schedule.failed(0, "never")
    schedule.hasten()
    expect(schedule.nextAt).toBeNull()
    expect(schedule.reserveAt).toBeNull()
  })

  it("climbs the ladder from five minutes on when it is refused without a word on when to come back", () => {
    const schedule = new TrackerSchedule(noChance)
    const waits = Array.from({ length: 7 }, () => {
      schedule.failed(0, "later")
      return schedule.nextAt! / MINUTE
    })
    expect(waits).toEqual([5, 5, 5, 15, 30, 60, 120])
  })

  it("stays within a day and never lies in the past, whatever a tracker says", () => {
    const number = fc.option(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()), { nil: undefined })
    fc.assert(
      fc.property(fc.array(fc.tuple(number, number, fc.boolean(), fc.boolean()), { maxLength: 30 }), (answers) => {
        const schedule = new TrackerSchedule(new SimRandom(1))
        let now = 5
        for (const [interval, minInterval, answered, early] of answers) {
          schedule.begin(now)
          if (answered) schedule.succeeded(now, interval, minInterval)
          else schedule.failed(now, Number.isNaN(interval) ? undefined : interval)
          if (early) schedule.hasten()
          // Sums and no differences: of broken milliseconds these may be a hair less than what was added.
          expect(schedule.nextAt).toBeGreaterThanOrEqual(now + 15 * SECOND)
          expect(schedule.nextAt).toBeLessThanOrEqual(now + 1.1 * 24 * 60 * MINUTE)
          now = schedule.nextAt!
        }
      }),
      {
        examples: [
          [
            [
              [20000.2, undefined, false, false],
              [1800, 1, true, true],
            ],
          ],
        ],
      },
    )
  })

  it("spreads a swarm over a tenth of the wait, never before its time", () => {
    const random = new SimRandom("swarm")
    const times = Array.from({ length: 200 }, () => {
      const schedule = new TrackerSchedule(random)
      schedule.succeeded(0, 1000, undefined)
      return schedule.nextAt! / SECOND
    })
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1000)
    expect(Math.max(...times)).toBeLessThanOrEqual(1100)
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(80)
  })
})
