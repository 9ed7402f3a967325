import { describe, expect, it } from "vitest"
import { type BenchFile, type BenchOptions, WebSeedBench } from "../../support/web-seed-bench.js"

const KiB = 1024

/** A bench whose seed has brought something, and whose server takes requests behind others. */
async function bench(files: readonly BenchFile[], answer?: BenchOptions["answer"]): Promise<WebSeedBench> {
  const made = new WebSeedBench({ kind: "folder", files, ...(answer && { answer }) })
  made.http.takesFollowers = true
  await made.run(0, 1)
  made.http.seen.length = 0
  return made
}

function small(count: number): BenchFile[] {
  return Array.from({ length: count }, () => ({ length: 10_000 }))
}

describe("requests for small files", () => {
  it("are sent ahead, several together, and bring all bytes in order", async () => {
    const seed = await bench([...small(30), { length: 20_000, padding: true }, { length: 0 }, { length: 500 }])
    const taken = seed.start()
    await seed.clock.run(1)
    expect(seed.http.seen).toHaveLength(17)
    await seed.clock.runUntil(() => taken.outcome() === "done")
    expect(seed.brought(taken)).toBe(true)
    expect(seed.http.seen.map(({ end }) => end)).toEqual(Array(31).fill("answered"))
    expect(seed.clock.pendingTimers).toBe(0)
  })

  it("are not sent ahead before the server has brought anything, nor behind a large file", async () => {
    const fresh = new WebSeedBench({ kind: "folder", files: small(5) })
    fresh.http.takesFollowers = true
    const taken = fresh.start()
    await fresh.clock.run(1)
    expect(fresh.http.seen).toHaveLength(1)
    await fresh.clock.runUntil(() => taken.outcome() === "done")
    expect(fresh.brought(taken)).toBe(true)
    const large = await bench([{ length: 1100 * KiB }, ...small(5)])
    large.start()
    await large.clock.run(1)
    expect(large.http.seen).toHaveLength(1)
  })

  it("rest while the run is paused, and are given up with it", async () => {
    const seed = await bench(small(20))
    const taken = seed.start()
    await seed.clock.run(1)
    taken.session.pause()
    await seed.clock.run(60_000)
    expect(taken.bytes()).toHaveLength(0)
    taken.session.resume()
    await seed.clock.runUntil(() => taken.bytes().length > 30_000)
    taken.session.abort()
    const bytes = taken.bytes().length
    await seed.clock.runUntilIdle()
    expect(taken.bytes()).toHaveLength(bytes)
    expect(seed.http.seen.every(({ end }) => end !== "open")).toBe(true)
    expect(seed.clock.pendingTimers).toBe(0)
  })

  it("that a shortened run does not need are given up", async () => {
    const seed = await bench(small(20))
    const taken = seed.start()
    await seed.clock.run(1)
    taken.session.shorten(45_000)
    await seed.clock.runUntil(() => taken.outcome() === "done")
    expect(seed.brought(taken, 0, 45_000)).toBe(true)
  })

  it("are asked again one by one when the answer before them breaks off, and then no more ahead", async () => {
    let broken = 0
    const seed = await bench(small(40), ({ url }, _count, { seed: { proven } }) => {
      if (!proven || !url.endsWith("/f3") || ++broken > 1) return undefined
      return {
        status: 206,
        headers: { "content-range": "bytes 0-9999/10000" },
        body: new Uint8Array(0),
        ending: "network",
      }
    })
    const taken = seed.start()
    await seed.clock.runUntil(() => taken.outcome() !== "open")
    expect(taken.outcome()).toBe("done")
    expect(seed.brought(taken)).toBe(true)
    expect(seed.http.ranges.filter((range) => range.startsWith("/pub/data%20set/f4 "))).toHaveLength(2)
  })

  it("are asked again when the answer before them ends early, and never taken for the rest of it", async () => {
    let short = 0
    const seed = await bench(small(20), (request, _count, bench) =>
      bench.seed.proven && request.url.endsWith("/f3") && ++short === 1
        ? bench.partial(request, {}, 0, 5_000)
        : undefined,
    )
    const taken = seed.start()
    await seed.clock.runUntil(() => taken.outcome() !== "open")
    expect(taken.outcome()).toBe("done")
    expect(seed.brought(taken)).toBe(true)
    expect(seed.http.ranges).toContain("/pub/data%20set/f3 5000-10000")
  })

  it("go on to be sent ahead past files that are not there", async () => {
    const seed = await bench(small(20), ({ url }) => (/f[57]$/.test(url) ? { status: 404 } : undefined))
    for (const from of [0, 60_000]) {
      const taken = seed.start(from)
      await seed.clock.runUntil(() => taken.outcome() !== "open")
      expect(taken.outcome()).toMatchObject({ kind: "file-missing" })
    }
    expect(seed.seed.takesRequestsAhead).toBe(true)
  })

  it("rest after two were lost in a row, as in a restart of the server, and not for ever", async () => {
    let down = false
    const seed = await bench(small(400), () => (down ? { ending: "network" } : undefined))
    const runs = [seed.start(0, 1_000_000), seed.start(1_000_000, 2_000_000), seed.start(2_000_000, 3_000_000)]
    await seed.clock.runUntil(() => runs.every((run) => run.bytes().length > 100_000))
    down = true
    await seed.clock.runUntil(() => runs.every((run) => run.outcome() !== "open"))
    down = false
    await seed.waitOver()
    expect(seed.seed.takesRequestsAhead).toBe(false)
    const taken = seed.start(3_000_000)
    await seed.clock.runUntil(() => taken.outcome() !== "open")
    expect(seed.brought(taken, 3_000_000)).toBe(true)
    expect(seed.seed.takesRequestsAhead).toBe(true)
  })

  it("end with a file that is not there, before anything of those behind it is given", async () => {
    const seed = await bench(small(10), ({ url }) => (url.endsWith("/f4") ? { status: 404 } : undefined))
    const taken = seed.start()
    await seed.clock.runUntil(() => taken.outcome() !== "open")
    expect(taken.outcome()).toMatchObject({ kind: "file-missing" })
    expect(seed.brought(taken, 0, 40_000)).toBe(true)
    const rest = seed.start(50_000)
    await seed.clock.runUntil(() => rest.outcome() !== "open")
    expect(seed.brought(rest, 50_000)).toBe(true)
  })
})
