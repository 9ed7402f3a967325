import { describe, expect, it } from "vitest"
import { HostLimiter } from "../../../src/tracker/host-limiter.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

const endless = () => new AbortController().signal

function setUp() {
  const clock = new VirtualClock()
  const limiter = new HostLimiter(clock)
  const starts: { name: string; at: number }[] = []
  let active = 0
  let most = 0
  /** Work that takes `time` ms. */
  const run = (name: string, time: number, { host = "a.example", urgent = false, signal = endless() } = {}) =>
    limiter.run(host, { signal, urgent }, async () => {
      starts.push({ name, at: clock.now() })
      most = Math.max(most, ++active)
      await new Promise<void>((resolve) => clock.after(time, resolve))
      active--
      return name
    })
  const names = () => starts.map(({ name }) => name)
  return { clock, limiter, starts, names, run, most: () => most }
}

describe("a limiter of hosts", () => {
  it("lets one who is alone start within the call", async () => {
    const { clock, names, run } = setUp()
    const done = run("only", 10)
    expect(names()).toEqual(["only"])
    expect(await clock.runUntil(done)).toBe("only")
  })

  it("keeps no gap while few wait", async () => {
    const { clock, starts, run } = setUp()
    await clock.runUntil(Promise.all(["1", "2", "3", "4", "5"].map((name) => run(name, 10))))
    expect(starts.map(({ at }) => at)).toEqual([0, 0, 10, 10, 20])
  })

  it("keeps two at a time and a gap between starts while many wait", async () => {
    const { clock, starts, names, run, most } = setUp()
    const all = Array.from({ length: 50 }, (_, at) => String(at))
    expect(await clock.runUntil(Promise.all(all.map((name) => run(name, 400))))).toEqual(all)
    expect(names()).toEqual(all)
    expect(most()).toBe(2)
    // The last three are few.
    for (let at = 2; at < 47; at++) expect(starts[at]!.at - starts[at - 1]!.at).toBeGreaterThanOrEqual(250)
  })

  it("pauses for those who wait behind work that was ended", async () => {
    const { clock, starts, limiter, run } = setUp()
    const controllers = [new AbortController(), new AbortController()]
    const { signal } = controllers[0]!
    const ended = limiter.run("a.example", { signal, urgent: false }, () => {
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
    })
    const done = run("beside", 5_000)
    const closing = run("closing", 10, { urgent: true, signal: controllers[1]!.signal })
    const patient = run("patient", 10, { urgent: true })
    await clock.run(100)
    controllers[0]!.abort()
    await ended
    controllers[1]!.abort()
    await clock.runUntil(Promise.all([done, closing, patient]))
    expect(starts).toEqual([
      { name: "beside", at: 0 },
      { name: "patient", at: 350 },
    ])
  })

  it("does not let hosts wait for one another", async () => {
    const { clock, names, run } = setUp()
    const done = ["a", "b", "c"].flatMap((host) => [run(`${host}1`, 10, { host }), run(`${host}2`, 10, { host })])
    expect(names()).toEqual(["a1", "a2", "b1", "b2", "c1", "c2"])
    await clock.runUntil(Promise.all(done))
  })

  it("lets urgent work go first, in its order and without a gap", async () => {
    const { clock, starts, run } = setUp()
    const done = Array.from({ length: 8 }, (_, at) => run(`calm ${at}`, 10))
    done.push(...["x", "y", "z"].map((name) => run(name, 10, { urgent: true })))
    await clock.runUntil(Promise.all(done))
    expect(starts.slice(2, 5)).toEqual([
      { name: "x", at: 10 },
      { name: "y", at: 10 },
      { name: "z", at: 20 },
    ])
  })

  it("forgets who gives up, and passes the turn on when work fails", async () => {
    const { clock, limiter, names, run } = setUp()
    const controller = new AbortController()
    const broken = limiter.run("a.example", { signal: endless(), urgent: false }, () =>
      Promise.reject(new Error("broken")),
    )
    broken.catch(() => {})
    const first = run("first", 10)
    const gone = run("gone", 10, { signal: controller.signal })
    const last = run("last", 10)
    controller.abort()
    expect(await clock.runUntil(gone)).toBeUndefined()
    await expect(broken).rejects.toThrow("broken")
    await clock.runUntil(Promise.all([first, last]))
    expect(await run("late", 10, { signal: controller.signal })).toBeUndefined()
    expect(names()).toEqual(["first", "last"])
  })

  it("asks nobody who wants to be left alone for minutes: those who wait keep their turn, others' hosts are asked", async () => {
    const { clock, limiter, starts, run } = setUp()
    const done = [run("1", 10), run("2", 10), run("3", 10), run("4", 10)]
    const urgent = run("urgent", 10, { urgent: true })
    limiter.slowDown("a.example", 60_000)
    limiter.slowDown("a.example", 30_000)
    expect(await Promise.all([urgent, run("late", 10)])).toEqual([undefined, undefined])
    await clock.runUntil(Promise.all([...done, run("other", 10, { host: "b.example" })]))
    expect(starts).toEqual([
      { name: "1", at: 0 },
      { name: "2", at: 0 },
      { name: "other", at: 0 },
      { name: "3", at: 60_000 },
      { name: "4", at: 60_500 },
    ])
    expect(limiter.restOf("a.example")).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it("tells those who wait when it would be for long", async () => {
    const { clock, limiter, names, run } = setUp()
    const done = [run("1", 10), run("2", 10)]
    const waiting = [run("3", 10), run("4", 10)]
    limiter.slowDown("a.example", 600_000)
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
    expect(limiter.restOf("a.example")).toBe(600_000)
    await clock.runUntil(Promise.all(done))
    await clock.run(600_000)
    expect(await clock.runUntil(run("again", 10))).toBe("again")
    expect(names()).toEqual(["1", "2", "again"])
    expect(clock.pendingTimers).toBe(0)
  })

  it("asks a host that found us too fast more slowly, however few wait, and in time as before", async () => {
    const { clock, limiter, starts, run } = setUp()
    limiter.slowDown("a.example", 1)
    await clock.run(1)
    await clock.runUntil(Promise.all([run("1", 10), run("2", 10)]))
    expect(starts[1]!.at - starts[0]!.at).toBe(500)
    for (let answer = 0; answer < 1000; answer++) limiter.served("a.example")
    await clock.runUntil(Promise.all([run("3", 10), run("4", 10)]))
    expect(starts[3]!.at - starts[2]!.at).toBe(0)
  })

  it("leaves nobody alone for longer than a day", () => {
    const { limiter } = setUp()
    limiter.slowDown("a.example", Number.MAX_SAFE_INTEGER)
    expect(limiter.restOf("a.example")).toBe(24 * 3_600_000)
  })
})
