import { describe, expect, it } from "vitest"
import { type Taken, WebSeedBench } from "../../support/web-seed-bench.js"

const threeFiles = [{ length: 20_000 }, { length: 50_000 }, { length: 30_000 }]

function kindOf(taken: Taken): string {
  const outcome = taken.outcome()
  return typeof outcome === "string" ? outcome : outcome.kind
}

describe("a refusal", () => {
  it.each([401, 403])("(%i) disables the source", async (status) => {
    const bench = new WebSeedBench({ answer: () => ({ status }) })
    expect(kindOf(await bench.run())).toBe("refused")
    expect(bench.seed.state).toEqual({ kind: "disabled", reason: `it answered ${status}` })
  })

  it.each(["tls", "unsafe-address", "redirect"] as const)("(%s) disables the source, and says why", async (ending) => {
    const bench = new WebSeedBench({ answer: () => ({ ending }) })
    expect(kindOf(await bench.run())).toBe("refused")
    expect(bench.seed.state).toMatchObject({ kind: "disabled", reason: expect.stringContaining(ending) })
  })

  it("of the URL itself comes before any request", async () => {
    const bench = new WebSeedBench({ url: "ftp://server.example/f0" })
    expect(bench.seed.state).toEqual({ kind: "disabled", reason: "ftp is not supported" })
    expect(kindOf(await bench.run())).toBe("refused")
    expect(bench.http.seen).toEqual([])
  })
})

describe("a busy server", () => {
  it.each([
    ["seconds", "120", 120],
    ["a date", "Thu, 01 Jan 2026 00:05:00 GMT", 300],
    ["more than an hour", "86400", 3600],
    ["at once", "0", 1],
    ["nothing", undefined, 30],
  ])("is left alone as long as it wishes (%s)", async (_, value, seconds) => {
    const headers: Record<string, string> = value === undefined ? {} : { "retry-after": value }
    const bench = new WebSeedBench({ answer: () => ({ status: 503, headers }) })
    expect(kindOf(await bench.run())).toBe("unavailable")
    expect(bench.wait / 1000).toBeGreaterThanOrEqual(seconds - 1)
    expect(bench.wait / 1000).toBeLessThanOrEqual(seconds * 1.25)
  })

  it("that does not say how long is asked after 30 s, 60 s … up to an hour, and with fewer runs", async () => {
    const bench = new WebSeedBench({ answer: () => ({ status: 429 }) })
    const waits: number[] = []
    for (let i = 0; i < 9; i++) {
      await bench.run()
      waits.push(bench.wait / 1000)
      await bench.waitOver()
    }
    for (const [i, base] of [30, 60, 120, 240, 480, 960, 1920, 3600, 3600].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(base - 1)
      expect(waits[i]).toBeLessThanOrEqual(base * 1.25)
    }
    expect(bench.seed.concurrency.limit).toBe(1)
  })

  it("hears nothing from runs under way either", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (_, count) => (count === 1 ? { status: 503 } : undefined),
    })
    const first = bench.start(0)
    const second = bench.start(70_000)
    await bench.clock.runUntilIdle()
    expect(kindOf(second)).toBe("unavailable")
    expect(kindOf(first)).toBe("unavailable")
    expect(bench.brought(first, 0, 20_000)).toBe(true)
    expect(bench.http.seen.length).toBe(2)
  })

  it("serves again after the wait", async () => {
    const bench = new WebSeedBench({ answer: (_, count) => (count === 0 ? { status: 503 } : undefined) })
    await bench.run()
    await bench.waitOver()
    expect(bench.seed.state.kind).toBe("ready")
    expect(bench.brought(await bench.run())).toBe(true)
  })
})

describe("a network that fails", () => {
  it("is tried again after 1 s, 2 s … up to a minute, for ever", async () => {
    const bench = new WebSeedBench({ answer: () => ({ ending: "network" }) })
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      expect(kindOf(await bench.run())).toBe("interrupted")
      waits.push(bench.wait / 1000)
      await bench.waitOver()
    }
    for (const [i, base] of [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(base * 0.99)
      expect(waits[i]).toBeLessThanOrEqual(base * 1.25)
    }
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("fails once for all runs that break together", async () => {
    const bench = new WebSeedBench({ answer: () => ({ ending: "network" }) })
    for (let i = 0; i < 6; i++) bench.start()
    await bench.clock.run(5)
    expect(bench.wait).toBeLessThan(1_300)
  })

  it("does not stop runs that get on", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (_, count) => (count === 1 ? { ending: "network" } : undefined),
    })
    const first = bench.start(0)
    const second = bench.start(70_000)
    await bench.clock.runUntil(() => first.outcome() !== "open")
    expect(kindOf(second)).toBe("interrupted")
    expect(bench.brought(first)).toBe(true)
  })
})

describe("content that changes on the server", () => {
  const changing = (headers: (count: number) => Record<string, string>) =>
    new WebSeedBench({
      files: [{ length: 400_000 }],
      answer: (request, count, bench) => {
        const to = Math.min(request.to, request.from + 100_000)
        return bench.partial(request, headers(count), request.from, to)
      },
    })

  it("(another ETag) ends the run and is logged", async () => {
    const bench = changing((count) => ({ etag: `"${count}"` }))
    const taken = await bench.run()
    expect(kindOf(taken)).toBe("content-changed")
    expect(taken.session.position).toBe(100_000)
    expect(bench.log.join()).toContain("server content changed")
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("(another date) ends the run", async () => {
    const bench = changing((count) => ({ etag: '"same"', "last-modified": `Thu, 0${1 + count} Jan 2026 00:00:00 GMT` }))
    expect(kindOf(await bench.run())).toBe("content-changed")
  })

  it("is no change when only the ETag differs: mirrors behind one name have each their own", async () => {
    const date = "Thu, 01 Jan 2026 00:00:00 GMT"
    const bench = changing((count) => ({ etag: `"${count}"`, "last-modified": date }))
    expect(bench.brought(await bench.run())).toBe(true)
  })

  it("is no change from one file to the next", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (request, count, bench) =>
        bench.partial(request, { etag: `"${count}"`, "last-modified": `day ${count}` }),
    })
    expect(bench.brought(await bench.run())).toBe(true)
  })

  it("again and again is a habit of the server, and left to the hashes", async () => {
    const bench = changing((count) => ({ etag: `"${count}"` }))
    for (let i = 0; i < 3; i++) expect(kindOf(await bench.run())).toBe("content-changed")
    expect(bench.brought(await bench.run())).toBe(true)
  })
})

describe("wrong bytes", () => {
  it("in three pieces disable the source, which is told which", () => {
    const bench = new WebSeedBench()
    bench.seed.pieceCorrupt(4)
    bench.seed.pieceCorrupt(2)
    expect(bench.seed.state.kind).toBe("ready")
    bench.seed.pieceCorrupt(5)
    expect(bench.seed.state).toEqual({ kind: "disabled", reason: "the hashes of pieces 4, 2, 5 are wrong" })
  })
})

describe("what is logged", () => {
  it("has no password of the URL in it", async () => {
    const bench = new WebSeedBench({
      url: "http://me:canary@server.example/f0?token=canary",
      answer: () => ({ status: 403 }),
    })
    await bench.run()
    expect(bench.seed.name).not.toContain("canary")
    expect(bench.log.length).toBeGreaterThan(0)
    expect(bench.log.join()).not.toContain("canary")
  })
})
