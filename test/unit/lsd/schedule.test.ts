import { describe, expect, it } from "vitest"
import { AnnounceSchedule, INTERVAL, MAX_AT_A_TIME, SHORTEST_INTERVAL } from "../../../src/lsd/schedule.js"

const SECOND = 1000
const hash = (n: number): Uint8Array => new Uint8Array(20).fill(n)
const ROOM = 24

describe("when torrents are announced", () => {
  it("at once, and then every five minutes", () => {
    const schedule = new AnnounceSchedule(ROOM)
    expect(schedule.nextAt).toBeUndefined()
    schedule.add(hash(1), 7)
    expect(schedule.nextAt).toBe(7)
    expect(schedule.take(7)).toEqual([[hash(1)]])
    expect(schedule.nextAt).toBe(7 + INTERVAL)
    expect(schedule.take(7 + INTERVAL - 1)).toEqual([])
    expect(schedule.take(7 + INTERVAL)).toEqual([[hash(1)]])
  })

  it("sooner when peers are needed, but not within the minute", () => {
    const schedule = new AnnounceSchedule(ROOM)
    schedule.add(hash(1), 0)
    schedule.take(0)
    expect(schedule.soon(hash(1), 10 * SECOND)).toBe(true)
    expect(schedule.soon(hash(1), 20 * SECOND)).toBe(false)
    expect(schedule.nextAt).toBe(SHORTEST_INTERVAL)
    expect(schedule.soon(hash(2), 0)).toBe(false)
  })

  it("not within the minute either when a torrent left and came back", () => {
    const schedule = new AnnounceSchedule(ROOM)
    schedule.add(hash(1), 0)
    schedule.take(0)
    schedule.remove(hash(1))
    expect(schedule.nextAt).toBeUndefined()
    schedule.add(hash(1), 5 * SECOND)
    expect(schedule.nextAt).toBe(SHORTEST_INTERVAL)
  })

  it("a few one by one, many together, and never more than five datagrams a second", () => {
    const few = new AnnounceSchedule(ROOM)
    for (let n = 0; n < 5; n++) few.add(hash(n), 0)
    expect(few.take(0)).toHaveLength(5)
    const many = new AnnounceSchedule(ROOM)
    for (let n = 0; n < 200; n++) many.add(hash(n), 0)
    const sent: Uint8Array[] = []
    const sizes: number[][] = []
    for (let now = 0; now < 3 * SECOND; now += 250) {
      const datagrams = many.take(now)
      if (datagrams.length > 0) sizes.push(datagrams.map((datagram) => datagram.length))
      expect(datagrams.length).toBeLessThanOrEqual(MAX_AT_A_TIME)
      if (datagrams.length > 0) expect(many.take(now + 249)).toEqual([])
      sent.push(...datagrams.flat())
    }
    expect(sizes).toEqual([
      [24, 24, 24, 24, 24],
      [24, 24, 24, 8],
    ])
    expect(new Set(sent.map((one) => one[0])).size).toBe(200)
  })
})
