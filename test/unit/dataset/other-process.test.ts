import { describe, expect, it } from "vitest"
import { OtherProcess, type OtherProcessOptions } from "../../../src/dataset/other-process.js"
import { AtError } from "../../../src/errors.js"
import { LockedError } from "../../../src/ports/lock.js"
import { MemoryDisk } from "../../sim/lib/memory-disk.js"
import { lockOn } from "../../sim/lib/sim-lock.js"
import { SimRandom } from "../../sim/lib/sim-random.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

const STATE = "/store/.academictorrents/00"

function stage(options: Partial<OtherProcessOptions> = {}) {
  const clock = new VirtualClock()
  const disk = new MemoryDisk({ clock, random: new SimRandom("disk") })
  disk.putDirectory(STATE)
  const acquireLock = lockOn(disk)
  const reasons: string[] = []
  const other = new OtherProcess({
    ...{ clock, disk, acquireLock, stateDirectory: STATE },
    onWaiting: (reason) => reasons.push(reason),
    ...options,
  })
  const run = <T>(work: Promise<T>): Promise<T> => clock.runUntil(work)
  return { clock, disk, other, reasons, run, take: () => run(acquireLock(`${STATE}/lock`)) }
}

const locked = () => Promise.reject(new LockedError("/lock", "process 7 is using it", "stop process 7"))

describe("another process at work on the dataset", () => {
  it("is waited for until it has let go, and the next attempt counts", async () => {
    const { clock, other, reasons, run, take } = stage()
    const lock = await take()
    let isThere = false
    const waiting = other.outlast(() => (isThere ? Promise.resolve("path") : locked()))
    await clock.run(60_000)
    expect(reasons.length).toBeGreaterThan(10)
    expect(new Set(reasons)).toEqual(new Set(["process 7 is using it"]))
    isThere = true
    await run(lock.release())
    const before = clock.now()
    expect(await run(waiting)).toBe("path")
    expect(clock.now() - before).toBeLessThan(3_000)
  })

  it("is done, too, where another call of this process has taken the lock since", async () => {
    const ours = () =>
      Promise.reject(new AtError("AT_LOCKED", "this process is using it", { hint: "use the open dataset" }))
    const { clock, other, run } = stage({ acquireLock: ours })
    let attempts = 0
    const waiting = other.outlast(async () => {
      await new Promise<void>((resolve) => void clock.after(10_000, resolve))
      return ++attempts === 2 ? "path" : locked()
    })
    expect(await run(waiting)).toBe("path")
    expect(clock.now()).toBeLessThan(30_000)
  })

  it("is no hindrance once what is wanted is there, though it goes on", async () => {
    const { clock, other, run, take } = stage()
    await take()
    let isThere = false
    const waiting = other.outlast(() => (isThere ? Promise.resolve("path") : locked()))
    await clock.run(10_000)
    isThere = true
    expect(await run(waiting)).toBe("path")
  })

  it("is not disturbed by attempts that take long", async () => {
    const { clock, other, run, take } = stage()
    await take()
    let attempts = 0
    const waiting = other.outlast(async () => {
      attempts++
      await new Promise<void>((resolve) => void clock.after(10_000, resolve))
      return attempts === 3 ? "path" : locked()
    })
    expect(await run(waiting)).toBe("path")
    expect(clock.now()).toBeGreaterThan(2 * 200_000)
  })

  it("is waited for no longer than the timeout without a sign of it: what it stores is one", async () => {
    const { clock, disk, other, run, take } = stage({ timeout: 5_000 })
    await take()
    const waiting = other.outlast(locked).catch((error: unknown) => error)
    for (let size = 1; size <= 10; size++) {
      disk.putFile(`${STATE}/journal`, new Uint8Array(size))
      await clock.run(4_000)
    }
    const before = clock.now()
    expect(await run(waiting)).toMatchObject({
      code: "AT_STALLED",
      message: expect.stringContaining("5 s: process 7 is using it") as string,
      hint: "wait longer with a larger `timeout`, or stop process 7",
    })
    expect(clock.now() - before).toBeLessThan(5_000)
  })

  it("keeps nobody from being stopped", async () => {
    const controller = new AbortController()
    const { clock, other, run, take } = stage({ signal: controller.signal })
    await take()
    const waiting = other.outlast(locked).catch((error: unknown) => error)
    await clock.run(3_000)
    controller.abort()
    expect(await run(waiting)).toMatchObject({ code: "AT_ABORTED" })
    await clock.runUntilIdle()
  })

  it("is not what other errors are about", async () => {
    const { other, run, reasons } = stage()
    const error = new Error("something else")
    await expect(run(other.outlast(() => Promise.reject(error)))).rejects.toBe(error)
    expect(reasons).toEqual([])
  })
})
