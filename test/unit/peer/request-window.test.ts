import { describe, expect, test } from "vitest"
import { RequestWindow } from "../../../src/peer/request-window.js"

const BLOCK = 16384

/**
 * A link in front of a peer that answers at once: each block takes its turn at `rate` bytes a second, and request and
 * answer together need `delay` ms. Asks as deep as the window allows for `time` ms.
 */
class Link {
  readonly window = new RequestWindow()
  now = 0
  delivered = 0
  /** Of each request under way: when it was made, and when its block arrives. */
  readonly #underWay: { asked: number; arrives: number }[] = []
  #busyUntil = 0

  run(options: { rate: number; delay: number; time: number; want?: number }): void {
    const end = this.now + options.time
    const ask = () => {
      const want = Math.min(this.window.size, options.want ?? Number.POSITIVE_INFINITY)
      if (!this.window.isLow(this.#underWay.length)) return
      if (this.#underWay.length === 0) this.window.restart(this.now)
      while (this.#underWay.length < want) {
        this.#busyUntil = Math.max(this.#busyUntil, this.now + options.delay) + (BLOCK * 1000) / options.rate
        this.#underWay.push({ asked: this.now, arrives: this.#busyUntil })
      }
      if (this.#underWay.length < this.window.size) this.window.starved()
    }
    for (ask(); this.now < end; ask()) {
      const { asked, arrives } = this.#underWay.shift()!
      this.now = arrives
      this.delivered += BLOCK
      this.window.delivered(BLOCK, arrives - asked, this.now)
    }
  }
}

const MEGABIT = 125_000

describe("the request window", () => {
  test("fills a link of 200 Mbit/s and 80 ms within a second, and keeps it full", () => {
    const link = new Link()
    link.window.limit(500)
    const rate = 200 * MEGABIT
    link.run({ rate, delay: 80, time: 1000 })
    expect(link.delivered).toBeGreaterThan(0.65 * rate)
    const before = link.delivered
    link.run({ rate, delay: 80, time: 5000 })
    expect(link.delivered - before).toBeGreaterThan(0.97 * 5 * rate)
  })

  test("fills a fast link over a long way: 400 Mbit/s and 300 ms", () => {
    const link = new Link()
    link.window.limit(2000)
    const rate = 400 * MEGABIT
    link.run({ rate, delay: 300, time: 4000 })
    const before = link.delivered
    link.run({ rate, delay: 300, time: 4000 })
    expect(link.delivered - before).toBeGreaterThan(0.9 * 4 * rate)
  })

  test("is deep on a machine's own network, where the clock hardly moves", () => {
    const window = new RequestWindow()
    window.limit(2000)
    window.restart(0)
    for (let i = 0; i < 5000; i++) window.delivered(BLOCK, 0, Math.floor(i / 1000))
    expect(window.size).toBeGreaterThanOrEqual(500)
  })

  test("asks a slow peer for about a second's worth, not less than four blocks", () => {
    for (const [rate, least, most] of [
      [20_000, 4, 4],
      [500_000, 15, 70],
    ] as const) {
      const link = new Link()
      link.run({ rate, delay: 50, time: 60_000 })
      expect(link.window.size).toBeGreaterThanOrEqual(least)
      expect(link.window.size).toBeLessThanOrEqual(most)
    }
  })

  test("does not deepen for a peer that needs seconds for what it was asked already", () => {
    const link = new Link()
    for (let second = 0; second < 30; second++) {
      link.run({ rate: 10_000, delay: 50, time: 1000 })
      expect(link.window.size).toBeLessThanOrEqual(32)
    }
    expect(link.window.size).toBe(4)
  })

  test("follows a link that gets slower and faster again", () => {
    const link = new Link()
    link.window.limit(1000)
    link.run({ rate: 80 * MEGABIT, delay: 20, time: 5000 })
    link.run({ rate: 2 * MEGABIT, delay: 20, time: 60_000 })
    expect(link.window.size).toBeLessThan(60)
    link.run({ rate: 80 * MEGABIT, delay: 20, time: 10_000 })
    const before = link.delivered
    link.run({ rate: 80 * MEGABIT, delay: 20, time: 3000 })
    expect(link.delivered - before).toBeGreaterThan(0.95 * 3 * 80 * MEGABIT)
  })

  test("does not shrink because there was little to ask for", () => {
    const link = new Link()
    link.window.limit(1000)
    link.run({ rate: 80 * MEGABIT, delay: 20, time: 5000 })
    const size = link.window.size
    link.run({ rate: 80 * MEGABIT, delay: 20, time: 5000, want: 2 })
    expect(link.window.size).toBeGreaterThanOrEqual(0.9 * size)
  })

  test("never exceeds what the peer says it takes, nor a thousand", () => {
    const link = new Link()
    expect(link.window.size).toBe(32)
    link.run({ rate: 1000 * MEGABIT, delay: 100, time: 3000 })
    expect(link.window.size).toBe(250)
    link.window.limit(100_000)
    expect(link.window.size).toBeLessThanOrEqual(1000)
    link.window.limit(10)
    expect(link.window.size).toBe(10)
  })

  test("is one block for a snubbed peer, until it sends one", () => {
    const window = new RequestWindow()
    window.snub()
    expect(window.size).toBe(1)
    window.delivered(BLOCK, 30_000, 30_000)
    expect(window.snubbed).toBe(false)
    expect(window.size).toBe(4)
  })
})
