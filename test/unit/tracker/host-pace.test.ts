import { describe, expect, it } from "vitest"
import { HostPace } from "../../../src/tracker/host-pace.js"

const MINUTE = 60_000
const times = (count: number) => Array.from({ length: count }, (_, at) => at)

describe("how fast a host is asked", () => {
  it("half as fast each time it finds us too fast after it has answered, within bounds", () => {
    const pace = new HostPace()
    const gaps = times(7).map(() => {
      pace.slowDown()
      pace.slowDown()
      const { gap } = pace
      pace.served()
      return gap
    })
    expect(gaps).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
  })

  it("faster again after many answers, after more of them each time that was in vain, and in the end as before", () => {
    const pace = new HostPace()
    const answersUntilFaster = () => {
      const { gap } = pace
      let answers = 0
      for (; pace.gap === gap; answers++) pace.served()
      return answers
    }
    const tries = times(5).map(() => {
      pace.slowDown()
      return answersUntilFaster()
    })
    expect(tries).toEqual([200, 400, 800, 800, 800])
    expect([pace.gap, pace.isUsual]).toEqual([250, true])
    for (const _ of times(800)) pace.served()
    pace.slowDown()
    expect(answersUntilFaster()).toBe(200)
  })

  it("not at all for longer each time in a row that it finds us too fast, up to two hours", () => {
    const pace = new HostPace()
    const rests = () => times(9).map(() => pace.slowDown() / MINUTE)
    expect(rests()).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120])
    pace.served()
    expect(rests()[0]).toBe(1)
  })

  it("not at all when it forbids one torrent after the other, but not for a few, however often", () => {
    const pace = new HostPace()
    const rests = (count: number) => times(count).map((torrent) => pace.forbidden(String(torrent)) / MINUTE)
    expect([...rests(4), ...rests(4)]).toEqual(Array(8).fill(0))
    expect(pace.gap).toBe(250)
    pace.served()
    expect(rests(8)).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
  })
})
