import { describe, expect, it } from "vitest"
import { patiently } from "../../../src/dataset/patiently.js"
import { waitComplete } from "../../../src/dataset/wait-complete.js"
import { AtError } from "../../../src/errors.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { deferred } from "../../support/deferred.js"

function stage() {
  const clock = new VirtualClock()
  const complete = deferred()
  let lastArrival = 0
  const torrent = {
    whenComplete: () => complete.promise,
    get idleTime() {
      return clock.now() - lastArrival
    },
    waitingFor: () => "2 peers with data: waiting until they let us download",
  }
  const arrive = (): void => {
    lastArrival = clock.now()
  }
  return { clock, complete, torrent, arrive }
}

describe("waiting patiently", () => {
  it("ends when it is complete, and leaves no timer behind", async () => {
    const { clock, complete, torrent } = stage()
    const waiting = patiently(torrent.whenComplete, torrent, clock, {
      timeout: 60_000,
      signal: new AbortController().signal,
    })
    complete.resolve()
    await clock.runUntil(waiting)
    expect(clock.pendingTimers).toBe(0)
  })

  it("ends when what the caller waits for is there, while the torrent has more to do", async () => {
    const { clock, torrent } = stage()
    let isThere = false
    const waiting = waitComplete(torrent, clock, { isThere: () => isThere })
    clock.after(10_000, () => {
      isThere = true
    })
    await clock.runUntil(waiting)
    expect(clock.now()).toBeGreaterThanOrEqual(10_000)
    expect(clock.now()).toBeLessThanOrEqual(10_250)
    expect(clock.pendingTimers).toBe(0)
  })

  it("fails with what made it impossible", async () => {
    const { clock, complete, torrent } = stage()
    const waiting = patiently(torrent.whenComplete, torrent, clock, {})
    complete.reject(new AtError("AT_DISK_FULL", "no space", { hint: "make room" }))
    await expect(clock.runUntil(waiting)).rejects.toMatchObject({ code: "AT_DISK_FULL" })
  })

  it("ends with its signal, also one that ended before", async () => {
    const { clock, torrent } = stage()
    const controller = new AbortController()
    const waiting = patiently(torrent.whenComplete, torrent, clock, { signal: controller.signal, timeout: 1000 })
    controller.abort()
    await expect(clock.runUntil(waiting)).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(clock.pendingTimers).toBe(0)
    await expect(patiently(torrent.whenComplete, torrent, clock, { signal: controller.signal })).rejects.toMatchObject({
      code: "AT_ABORTED",
    })
  })

  it("loses patience when nothing arrives for the whole time-out, counted from the last byte, and says why", async () => {
    const { clock, torrent, arrive } = stage()
    const waiting = patiently(torrent.whenComplete, torrent, clock, { timeout: 30_000 })
    const outcome = waiting.then(
      () => "complete",
      (error: AtError) => `${error.code} at ${clock.now()}: ${error.message}`,
    )
    await clock.run(29_000)
    arrive()
    await clock.run(29_999)
    arrive()
    expect(await clock.runUntil(outcome)).toBe(
      "AT_STALLED at 88999: nothing arrived for 30 s: 2 peers with data: waiting until they let us download",
    )
  })

  it("advises a way to peers where a proxy is set only for HTTP", async () => {
    const { clock, torrent } = stage()
    const waiting = patiently(torrent.whenComplete, torrent, clock, { timeout: 500, reach: "web" })
    await expect(clock.runUntil(waiting)).rejects.toMatchObject({
      hint: expect.stringContaining("ALL_PROXY") as string,
    })
  })

  it("waits for ever without a time-out", async () => {
    const { clock, torrent } = stage()
    let ended = false
    void patiently(torrent.whenComplete, torrent, clock, {}).finally(() => {
      ended = true
    })
    await clock.run(10 ** 9)
    expect(ended).toBe(false)
  })
})
