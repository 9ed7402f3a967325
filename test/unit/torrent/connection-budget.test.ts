import { describe, expect, it } from "vitest"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"

describe("the connections of a process", () => {
  it("are opened 30 a second at most", () => {
    const budget = new ConnectionBudget()
    let opened = 0
    for (let now = 0; now < 5000; now += 10) {
      if (!budget.mayConnect(now)) continue
      budget.opened(now)
      opened++
    }
    expect(opened).toBe(150)
  })

  it("are 200 at most, accepted ones among them, and an ended one makes room", () => {
    const budget = new ConnectionBudget()
    for (let n = 0; n < 150; n++) budget.accepted()
    let now = 0
    for (let n = 0; n < 50; n++) {
      now += 1000
      expect(budget.mayConnect(now)).toBe(true)
      budget.opened(now)
    }
    expect(budget.mayConnect(now + 10_000)).toBe(false)
    budget.closed()
    expect(budget.mayConnect(now + 10_000)).toBe(true)
  })

  it("are not all for others to take: 20 are kept for those we open", () => {
    const budget = new ConnectionBudget()
    let accepted = 0
    for (; budget.mayAccept; accepted++) budget.accepted()
    expect(accepted).toBe(180)
    expect(budget.mayConnect(0)).toBe(true)
  })
})
