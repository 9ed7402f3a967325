import { expect, it } from "vitest"
import { Rests } from "../../../src/tracker/rests.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

it("whose rest is over is not remembered, however many there were", async () => {
  const clock = new VirtualClock()
  const rests = new Rests(clock)
  for (let at = 0; at < 100; at++) {
    rests.add(`${at}.example`, 1000)
    await clock.run(100)
  }
  expect(rests.of("99.example")).toBe(900)
  expect(rests.of("89.example")).toBe(0)
  expect(rests.size).toBeLessThanOrEqual(11)
})
