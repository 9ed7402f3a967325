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

  describe("when all are taken", () => {
    const stage = (...counts: number[]) => {
      const budget = new ConnectionBudget(10)
      const asked: number[] = []
      const sharers = counts.map((connections) => ({
        connections,
        giveWay(): boolean {
          asked.push(connections)
          return true
        },
      }))
      for (const sharer of sharers) budget.join(sharer)
      return { budget, sharers, asked }
    }

    it("go from whoever has most to who has fewer", () => {
      const { budget, asked } = stage(2, 5, 3)
      expect(budget.giveTo(1, 0)).toBe(true)
      expect(asked).toEqual([5])
    })

    it("stay with who would have fewer then", () => {
      const { budget, asked } = stage(2, 3)
      expect(budget.giveTo(2, 0)).toBe(false)
      expect(asked).toEqual([])
    })

    it("stay with who has left", () => {
      const { budget, sharers, asked } = stage(5)
      budget.leave(sharers[0]!)
      expect(budget.giveTo(0, 0)).toBe(false)
      expect(asked).toEqual([])
    })

    it("change hands four times a second at most", () => {
      const { budget } = stage(9)
      const given = Array.from({ length: 200 }, (_, n) => budget.giveTo(0, n * 10)).filter(Boolean)
      expect(given).toHaveLength(8)
    })

    it("are given by the next, when all of the first one's are of use", () => {
      const { budget, sharers, asked } = stage(4, 5)
      sharers[1]!.giveWay = () => false
      expect(budget.giveTo(0, 0)).toBe(true)
      expect(asked).toEqual([4])
    })
  })
})
