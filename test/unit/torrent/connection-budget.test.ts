import { describe, expect, it } from "vitest"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"

const ASKER = { connections: 0 }
const nowhere = (): boolean => false
const somewhere = (): boolean => true

/** Askers who come by in the same order four times a second, and each connect whenever they may. Returns their times. */
function turnsOf(budget: ConnectionBudget, askers: readonly { connections: number }[], seconds: number): number[][] {
  const times = askers.map((): number[] => [])
  for (let now = 0; now < seconds * 1000; now += 250) {
    for (const [index, asker] of askers.entries()) {
      while (budget.mayConnect(asker, now, somewhere)) {
        budget.opened(asker, now)
        // Nobody is there.
        budget.closed()
        times[index]!.push(now)
      }
    }
  }
  return times
}

describe("the connections of a process", () => {
  it("are opened 30 a second at most", () => {
    const budget = new ConnectionBudget()
    let opened = 0
    for (let now = 0; now < 5000; now += 10) {
      if (!budget.mayConnect(ASKER, now, nowhere)) continue
      budget.opened(ASKER, now)
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
      expect(budget.mayConnect(ASKER, now, nowhere)).toBe(true)
      budget.opened(ASKER, now)
    }
    expect(budget.mayConnect(ASKER, now + 10_000, nowhere)).toBe(false)
    budget.closed()
    expect(budget.mayConnect(ASKER, now + 10_000, nowhere)).toBe(true)
  })

  it("are not all for others to take: 20 are kept for those we open", () => {
    const budget = new ConnectionBudget()
    let accepted = 0
    for (; budget.mayAccept; accepted++) budget.accepted()
    expect(accepted).toBe(180)
    expect(budget.mayConnect(ASKER, 0, nowhere)).toBe(true)
  })

  it("are opened in turn, though the same always asks first and has addresses without end", () => {
    const askers = Array.from({ length: 10 }, () => ({ connections: 0 }))
    const times = turnsOf(new ConnectionBudget(), askers, 10)
    expect(times.flat()).toHaveLength(300)
    for (const own of times) expect(own.length).toBeGreaterThanOrEqual(25)
  })

  it("are opened in turn by a thousand", () => {
    const askers = Array.from({ length: 1000 }, () => ({ connections: 0 }))
    // Thirty a second take 34 s to get round.
    const times = turnsOf(new ConnectionBudget(), askers, 70)
    expect(times.every((own) => own.length >= 2)).toBe(true)
    expect(Math.max(...times.map(([first]) => first!))).toBeLessThanOrEqual(34_000)
  })

  it("wait for nobody who asks no more, or has nowhere to connect to", () => {
    const budget = new ConnectionBudget(1)
    const [first, second, third] = [{ connections: 0 }, { connections: 0 }, { connections: 0 }]
    budget.accepted()
    for (const asker of [first, second, third]) expect(budget.mayConnect(asker, 0, somewhere)).toBe(false)
    budget.closed()
    expect(budget.mayConnect(third, 100, somewhere)).toBe(false)
    expect(budget.mayConnect(first, 100, somewhere)).toBe(true)
    budget.pass(first)
    expect(budget.mayConnect(third, 200, somewhere)).toBe(false)
    // The second has not come by for a second.
    expect(budget.mayConnect(third, 1000, somewhere)).toBe(true)
  })

  it("are not waited for by who has nowhere to connect to", () => {
    const budget = new ConnectionBudget(1)
    budget.accepted()
    expect(budget.mayConnect(ASKER, 0, nowhere)).toBe(false)
    budget.closed()
    expect(budget.mayConnect({ connections: 0 }, 0, somewhere)).toBe(true)
  })

  it("that can't wait are opened where there is room, whosever turn it is", () => {
    const budget = new ConnectionBudget(2)
    budget.accepted()
    budget.accepted()
    expect(budget.mayConnect(ASKER, 0, somewhere)).toBe(false)
    expect(budget.hasRoom(0)).toBe(false)
    budget.closed()
    expect(budget.hasRoom(0)).toBe(true)
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

    it("go to who has fewest of those that wait, whoever asks", () => {
      const { budget, sharers } = stage(6, 2, 0)
      const [rich, poor, without] = sharers as [(typeof sharers)[0], (typeof sharers)[0], (typeof sharers)[0]]
      for (let n = 0; n < 10; n++) budget.accepted()
      rich.giveWay = () => {
        budget.closed()
        return true
      }
      expect(budget.mayConnect(poor, 0, somewhere)).toBe(true)
      budget.opened(poor, 0)
      for (const now of [100, 200]) for (const who of [poor, without]) budget.mayConnect(who, now, somewhere)
      expect(budget.mayConnect(poor, 250, somewhere)).toBe(false)
      expect(budget.mayConnect(without, 250, somewhere)).toBe(true)
    })

    it("are given by the next, when all of the first one's are of use", () => {
      const { budget, sharers, asked } = stage(4, 5)
      sharers[1]!.giveWay = () => false
      expect(budget.giveTo(0, 0)).toBe(true)
      expect(asked).toEqual([4])
    })
  })
})
