import { describe, expect, it } from "vitest"
import { giveUntil } from "../../../src/dataset/give-until.js"
import { AtError } from "../../../src/errors.js"
import type { TorrentState } from "../../../src/torrent/statistics/progress.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

const SIZE = 1000

class Torrent {
  givenBytes = 0
  state: TorrentState = "seeding"
  error = new AtError("AT_DISK_IO", "refused", { hint: "look at the disk" })

  whenComplete(): Promise<void> {
    return this.state === "failed" ? Promise.reject(this.error) : Promise.resolve()
  }
}

function stage() {
  const clock = new VirtualClock()
  const torrent = new Torrent()
  return { clock, torrent }
}

describe("giving until a limit", () => {
  it("ends within a moment of the ratio being reached", async () => {
    const { clock, torrent } = stage()
    let ended = false
    const giving = giveUntil(torrent, SIZE, clock, { ratio: 2 }).then(() => {
      ended = true
    })
    await clock.run(5000)
    torrent.givenBytes = 1999
    await clock.run(5000)
    expect(ended).toBe(false)
    torrent.givenBytes = 2000
    await clock.runUntil(giving)
    expect(clock.now()).toBeLessThanOrEqual(10_250)
    expect(clock.pendingTimers).toBe(0)
  })

  it("ends when the time is over", async () => {
    const { clock, torrent } = stage()
    await clock.runUntil(giveUntil(torrent, SIZE, clock, { time: 60_000, ratio: 5 }))
    expect(clock.now()).toBeGreaterThanOrEqual(60_000)
    expect(clock.now()).toBeLessThanOrEqual(60_250)
  })

  it("goes on for ever without a limit, also for an empty dataset", async () => {
    const { clock, torrent } = stage()
    let ended = 0
    for (const size of [SIZE, 0]) void giveUntil(torrent, size, clock, {}).finally(() => ended++)
    await clock.run(10_000_000)
    expect(ended).toBe(0)
  })

  it("ends with its signal, also one that ended before", async () => {
    const { clock, torrent } = stage()
    const controller = new AbortController()
    const giving = giveUntil(torrent, SIZE, clock, { signal: controller.signal })
    controller.abort()
    await expect(clock.runUntil(giving)).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(clock.pendingTimers).toBe(0)
    await expect(giveUntil(torrent, SIZE, clock, { signal: controller.signal })).rejects.toMatchObject({
      code: "AT_ABORTED",
    })
  })

  it("fails with what ended the torrent", async () => {
    const { clock, torrent } = stage()
    const failing = giveUntil(torrent, SIZE, clock, {})
    await clock.run(1000)
    torrent.state = "failed"
    await expect(clock.runUntil(failing)).rejects.toMatchObject({ code: "AT_DISK_IO" })
    torrent.state = "seeding"
    const stopped = giveUntil(torrent, SIZE, clock, {})
    torrent.state = "stopped"
    await expect(clock.runUntil(stopped)).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(clock.pendingTimers).toBe(0)
  })
})
