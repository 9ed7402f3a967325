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
      peers: () => Object.keys(owed).map((name) => ({ session: session(name) })),
      onRelease: () => done.push("ask"),
    })
  })

  const session = (name: string) => ({
    requester: { outstanding: owed[name]! },
    holdReading: (held: boolean) => done.push(`${held ? "hold" : "release"} ${name}`),
  })

  const whom = (what: string) => [...new Set(done.filter((one) => one.startsWith(what)))].sort()

  it("holds the peers once the limit is overdrawn, until the debt is paid", async () => {
    throttle.took(RATE / 20, session("a"))
    expect(done).toEqual([])
    throttle.took(RATE, session("a"))
    expect(throttle.holding).toBe(true)
    expect(whom("hold")).toEqual(["hold a", "hold b", "hold c"])
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
    throttle.took(RATE, session("a"))
    expect(whom("hold")).toEqual(["hold a", "hold c"])
  })

  it("holds whoever sends what nobody asked for", () => {
    owed = { a: 3, b: 0, c: 0 }
    throttle.took(RATE, session("a"))
    done.length = 0
    throttle.took(1, session("c"))
    expect(done).toEqual(["hold c"])
  })

  it("lets each go first in turn: the first one may use the limit up", async () => {
    const first: (string | undefined)[] = []
    for (let i = 0; i < 6; i++) {
      throttle.took(RATE, session("a"))
      done.length = 0
      await clock.run(1100)
      first.push(done[0])
    }
    expect(new Set(first)).toEqual(new Set(["release a", "release b", "release c"]))
  })
})
