import { describe, expect, it } from "vitest"
import { Totals } from "../../../src/torrent/totals.js"

describe("what went through a torrent", () => {
  it("is counted by where it came from, with what was of no use", () => {
    const totals = new Totals(0)
    totals.fromPeer(100, true, 1000)
    totals.fromPeer(40, false, 2000)
    totals.fromWebSeed(1000, 3000)
    expect(totals.peerBytes).toBe(140)
    expect(totals.duplicateBytes).toBe(40)
    expect(totals.webSeedBytes).toBe(1000)
    expect(totals.downloaded).toBe(1140)
  })

  it("knows when something last arrived: at first, when it was started", () => {
    const totals = new Totals(500)
    expect(totals.lastArrival).toBe(500)
    totals.fromWebSeed(1, 700)
    expect(totals.lastArrival).toBe(700)
    totals.fromPeer(1, false, 900)
    expect(totals.lastArrival).toBe(900)
  })

  it("has a rate for each kind of source, which goes to zero when nothing comes", () => {
    const totals = new Totals(0)
    for (let now = 0; now <= 10_000; now += 100) {
      totals.fromPeer(1000, true, now)
      totals.fromWebSeed(5000, now)
    }
    expect(totals.peerRate(10_000)).toBeGreaterThan(9_000)
    expect(totals.peerRate(10_000)).toBeLessThan(11_000)
    expect(totals.webSeedRate(10_000)).toBeGreaterThan(45_000)
    expect(totals.webSeedRate(10_000)).toBeLessThan(55_000)
    expect(totals.peerRate(20_000)).toBe(0)
    expect(totals.webSeedRate(20_000)).toBe(0)
  })
})
