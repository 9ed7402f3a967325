import { describe, expect, it } from "vitest"
import { WebSeedBench } from "../../support/web-seed-bench.js"

const MiB = 1024 * 1024

describe("a run", () => {
  it("is one request with its exact range, and brings its bytes", async () => {
    const bench = new WebSeedBench()
    const taken = await bench.run(16_384, 65_536)
    expect(taken.outcome()).toBe("done")
    expect(bench.brought(taken, 16_384, 65_536)).toBe(true)
    expect(bench.http.ranges).toEqual(["/f0 16384-65536"])
    expect(bench.http.seen[0]?.headers["accept-encoding"]).toBe("identity")
    expect(bench.seed.downloaded).toBe(65_536 - 16_384)
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it("over several files asks for each in turn, at once after the one before", async () => {
    const files = [{ length: 10_000 }, { length: 0 }, { length: 30_000 }, { length: 5_000 }]
    const bench = new WebSeedBench({ kind: "folder", files })
    const taken = await bench.run(4_000, 42_000)
    expect(bench.brought(taken, 4_000, 42_000)).toBe(true)
    expect(bench.http.ranges).toEqual([
      "/pub/data%20set/f0 4000-10000",
      "/pub/data%20set/f2 0-30000",
      "/pub/data%20set/f3 0-2000",
    ])
    expect(bench.http.seen.map(({ end }) => end)).toEqual(["answered", "answered", "answered"])
  })

  it("makes padding files of zeros, and asks nobody for them", async () => {
    const files = [
      { length: 100 },
      { length: 200_000, padding: true },
      { length: 50 },
      { length: 16_334, padding: true },
    ]
    const bench = new WebSeedBench({ kind: "folder", files })
    const taken = await bench.run()
    expect(bench.brought(taken)).toBe(true)
    expect(bench.http.ranges).toEqual(["/pub/data%20set/f0 0-100", "/pub/data%20set/f2 0-50"])
    expect(bench.seed.downloaded).toBe(150)
  })

  it("may begin and end anywhere, also inside padding", async () => {
    const files = [{ length: 100, padding: true }, { length: 50 }, { length: 100, padding: true }]
    const bench = new WebSeedBench({ kind: "folder", files })
    expect(bench.brought(await bench.run(40, 210), 40, 210)).toBe(true)
    expect(bench.brought(await bench.run(10, 20), 10, 20)).toBe(true)
  })

  it("calls its listener never from inside a call to it", async () => {
    const bench = new WebSeedBench({ kind: "folder", files: [{ length: 100_000, padding: true }] })
    const taken = bench.start()
    expect(taken.session.position).toBe(0)
    taken.session.shorten(70_000)
    taken.session.pause()
    taken.session.resume()
    expect(taken.session.position).toBe(0)
    await bench.clock.runUntil(() => taken.outcome() === "done")
    expect(taken.bytes().length).toBe(70_000)
  })

  it("counts among the runs of its source until it ends", async () => {
    const bench = new WebSeedBench()
    const runs = [bench.start(), bench.start(), bench.start()]
    expect(bench.seed.concurrency.active).toBe(3)
    runs[0]!.session.abort()
    runs[0]!.session.abort()
    expect(bench.seed.concurrency.active).toBe(2)
    await bench.clock.runUntil(() => runs[2]!.outcome() === "done")
    await bench.clock.runUntilIdle()
    expect(bench.seed.concurrency.active).toBe(0)
  })

  it("is silent after abort, and leaves nothing behind", async () => {
    const bench = new WebSeedBench({ files: [{ length: MiB }] })
    const taken = bench.start()
    await bench.clock.run(20)
    const { position } = taken.session
    expect(position).toBeGreaterThan(0)
    taken.session.abort()
    expect(bench.clock.pendingTimers).toBe(0)
    await bench.clock.runUntilIdle()
    expect(taken.session.position).toBe(position)
    expect(taken.outcome()).toBe("open")
  })

  it("leaves nothing behind either when it was about to try again", async () => {
    const bench = new WebSeedBench({
      answer: (request, _, bench) => ({
        ...bench.partial(request, {}, request.from, request.from + 1),
        ending: "network",
      }),
    })
    const taken = bench.start()
    await bench.clock.runUntil(() => bench.http.seen[1]?.end === "failed")
    expect(bench.clock.pendingTimers).toBe(1)
    taken.session.abort()
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it("may be aborted from inside the listener", async () => {
    const bench = new WebSeedBench()
    const taken = bench.start(0, 100_000, (_, session) => session.abort())
    await bench.clock.runUntilIdle()
    expect(bench.brought(taken, 0, 16_000)).toBe(true)
    expect(bench.http.seen[0]?.end).toBe("aborted")
  })
})

describe("a paused run", () => {
  it("gives nothing until it is resumed, and then the rest", async () => {
    const bench = new WebSeedBench({ kind: "folder", files: [{ length: 20_000 }, { length: 70_000 }] })
    const taken = bench.start(0, 90_000, (_, session) => session.pause())
    for (let chunks = 1; chunks <= 7; chunks++) {
      await bench.clock.run(60_000)
      expect(taken.outcome()).toBe("open")
      taken.session.resume()
    }
    await bench.clock.runUntilIdle()
    expect(taken.outcome()).toBe("done")
    expect(bench.brought(taken)).toBe(true)
  })

  it("lets the answer that has brought all its bytes end, so that the connection is free again", async () => {
    const bench = new WebSeedBench()
    const taken = bench.start(0, 100_000, (_, session) => {
      if (session.position === 100_000) session.pause()
    })
    await bench.clock.run(60_000)
    expect(taken.session.position).toBe(100_000)
    expect(bench.http.seen[0]?.end).toBe("answered")
  })

  it("does not end before it is resumed: its listener has not yet dealt with the last bytes", async () => {
    const bench = new WebSeedBench({ files: [{ length: 1_000 }] })
    const taken = bench.start(0, 1_000, (_, session) => session.pause())
    await bench.clock.run(60_000)
    expect(taken.session.position).toBe(1_000)
    expect(taken.outcome()).toBe("open")
    taken.session.resume()
    await bench.clock.runUntilIdle()
    expect(taken.outcome()).toBe("done")
  })

  it("sends no request while it is paused", async () => {
    const bench = new WebSeedBench()
    const taken = bench.start()
    taken.session.pause()
    await bench.clock.run(1_000)
    expect(bench.http.seen).toEqual([])
    taken.session.resume()
    await bench.clock.runUntilIdle()
    expect(bench.brought(taken)).toBe(true)
  })

  it("outlives a connection that breaks meanwhile", async () => {
    const bench = new WebSeedBench({
      answer: (request, count, bench) =>
        count > 0 ? undefined : { ...bench.partial(request, {}, 0, 48_000), ending: "network" },
    })
    const taken = bench.start(0, 100_000, (_, session) => {
      if (session.position === 48_000) session.pause()
    })
    await bench.clock.run(60_000)
    taken.session.resume()
    await bench.clock.runUntilIdle()
    expect(taken.outcome()).toBe("done")
    expect(bench.brought(taken)).toBe(true)
  })
})

describe("a shortened run", () => {
  it("ends there, and drops the connection when much of the answer is left", async () => {
    const bench = new WebSeedBench({ files: [{ length: 4 * MiB }] })
    const taken = bench.start()
    await bench.clock.run(10)
    taken.session.shorten(MiB)
    await bench.clock.runUntil(() => taken.outcome() !== "open")
    expect(taken.outcome()).toBe("done")
    expect(bench.brought(taken, 0, MiB)).toBe(true)
    expect(bench.http.seen[0]?.end).toBe("aborted")
  })

  it("reads the rest of the answer when it is little, so that the connection can be used again", async () => {
    const bench = new WebSeedBench({ files: [{ length: MiB }] })
    const taken = bench.start()
    await bench.clock.run(10)
    taken.session.shorten(MiB - 100_000)
    await bench.clock.runUntilIdle()
    expect(bench.brought(taken, 0, MiB - 100_000)).toBe(true)
    expect(taken.outcome()).toBe("done")
    expect(bench.http.seen[0]?.end).toBe("answered")
  })

  it("does not wait long for that rest", async () => {
    const bench = new WebSeedBench({
      answer: (request, _, bench) => ({
        ...bench.partial(request),
        body: bench.content.slice(0, 60_000),
        ending: "nothing",
      }),
    })
    const taken = bench.start()
    await bench.clock.run(10)
    taken.session.shorten(50_000)
    await bench.clock.runUntilIdle()
    expect(taken.outcome()).toBe("done")
    expect(bench.clock.now()).toBeLessThan(5_000)
  })

  it("ends at once where it is already beyond, and before its first answer", async () => {
    const bench = new WebSeedBench({ files: [{ length: 4 * MiB }], answer: () => ({ ending: "nothing" }) })
    const first = bench.start(MiB)
    await bench.clock.run(10)
    first.session.shorten(0)
    await bench.clock.run(1)
    expect(first.outcome()).toBe("done")
    expect(first.session.position).toBe(MiB)
    expect(bench.http.seen[0]?.end).toBe("aborted")
  })

  it("does not ask for files it no longer reaches", async () => {
    const bench = new WebSeedBench({ kind: "folder", files: [{ length: 40_000 }, { length: 40_000 }] })
    const taken = bench.start(0, 80_000, (_, session) => session.shorten(40_000))
    await bench.clock.runUntilIdle()
    expect(bench.brought(taken, 0, 40_000)).toBe(true)
    expect(bench.http.seen.length).toBe(1)
  })

  it("never grows", async () => {
    const bench = new WebSeedBench()
    const taken = bench.start(0, 50_000)
    taken.session.shorten(90_000)
    await bench.clock.runUntilIdle()
    expect(taken.bytes().length).toBe(50_000)
  })
})
