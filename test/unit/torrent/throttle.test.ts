import { beforeEach, describe, expect, it } from "vitest"
import { RateLimit } from "../../../src/torrent/rate-limit.js"
import { Throttle } from "../../../src/torrent/throttle.js"
import { Totals } from "../../../src/torrent/totals.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

const RATE = 64 * 1024

describe("a throttle", () => {
  let clock: VirtualClock
  let throttle: Throttle
  /** Whom it held and let go, in this order. */
  let done: string[]
  /** Blocks that each peer owes us. */
  let owed: Record<string, number>

  beforeEach(() => {
    clock = new VirtualClock()
    done = []
    owed = { a: 3, b: 1, c: 7 }
    throttle = new Throttle({
      clock,
      limit: new RateLimit(clock, RATE),
      totals: new Totals(clock.now()),
      peers: () =>
        Object.entries(owed).map(([name, outstanding]) => ({
          session: { outstanding, holdReading: (held) => done.push(`${held ? "hold" : "release"} ${name}`) },
        })),
      onRelease: () => done.push("ask"),
    })
  })

  it("holds the peers once the limit is overdrawn, until the debt is paid", async () => {
    throttle.took(RATE / 20)
    expect(done).toEqual([])
    throttle.took(RATE)
    expect(throttle.holding).toBe(true)
    expect(done.sort()).toEqual(["hold a", "hold b", "hold c"])
    done.length = 0
    await clock.run(900)
    expect(done).toEqual([])
    await clock.run(100)
    expect(throttle.holding).toBe(false)
    expect(done.at(-1)).toBe("ask")
    expect(done.sort()).toEqual(["ask", "release a", "release b", "release c"])
  })

  it("goes on hearing those who owe us nothing", () => {
    owed = { a: 3, b: 0, c: 7 }
    throttle.took(RATE)
    expect(done.sort()).toEqual(["hold a", "hold c"])
  })

  it("lets each go first in turn: the first one may use the limit up", async () => {
    const first: (string | undefined)[] = []
    for (let i = 0; i < 6; i++) {
      throttle.took(RATE)
      done.length = 0
      await clock.run(1100)
      first.push(done[0])
    }
    expect(new Set(first)).toEqual(new Set(["release a", "release b", "release c"]))
  })
})
