import { expect, it } from "vitest"
import { AheadTrust } from "../../../src/webseed/ahead-trust.js"

it("trust that was lost comes back after ever more requests, up to four thousand", () => {
  const trust = new AheadTrust()
  const probations = Array.from({ length: 9 }, () => {
    while (trust.isGiven) trust.lost()
    let served = 0
    for (; !trust.isGiven; served++) trust.served()
    return served
  })
  expect(probations).toEqual([64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096])
})
