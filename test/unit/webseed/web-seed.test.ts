import { describe, expect, it } from "vitest"
import type { Answer } from "../../support/scripted-http.js"
import { type Taken, WebSeedBench } from "../../support/web-seed-bench.js"

const threeFiles = [{ length: 20_000 }, { length: 50_000 }, { length: 30_000 }]

function kindOf(taken: Taken): string {
  const outcome = taken.outcome()
  return typeof outcome === "string" ? outcome : outcome.kind
}

describe("a refusal", () => {
  it.each([401, 403])("(%i) disables the source", async (status) => {
    const bench = new WebSeedBench({ answer: () => ({ status }) })
    expect(kindOf(await bench.run())).toBe("file-refused")
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

  it("that refuses one of several runs, without a wish, serves the others, and no more than those", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (_, count) => (count === 1 ? { status: 503 } : undefined),
    })
    const first = bench.start(0)
    const second = bench.start(70_000)
    await bench.clock.runUntilIdle()
    expect(kindOf(second)).toBe("unavailable")
    expect(first.outcome()).toBe("done")
    expect(bench.seed.state.kind).toBe("ready")
    expect(bench.seed.concurrency.limit).toBe(1)
  })

  it("hears nothing from runs under way either when it says when to come back", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (_, count) => (count === 1 ? { status: 503, headers: { "retry-after": "60" } } : undefined),
    })
    const first = bench.start(0)
    const second = bench.start(70_000)
    await bench.clock.runUntilIdle()
    expect(kindOf(second)).toBe("unavailable")
    expect(kindOf(first)).toBe("unavailable")
    expect(bench.brought(first, 0, 20_000)).toBe(true)
    expect(bench.http.seen.length).toBe(2)
  })

  it("is left alone as long as the longest wish of all runs", async () => {
    const wishes = ["60", "600", "120"]
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      answer: (_, count) => ({ status: 503, headers: { "retry-after": wishes[count]! } }),
    })
    for (const offset of [0, 20_000, 70_000]) bench.start(offset)
    await bench.clock.run(1_000)
    expect(bench.http.seen.length).toBe(3)
    expect(bench.wait / 1000).toBeGreaterThanOrEqual(599)
    expect(bench.wait / 1000).toBeLessThanOrEqual(600 * 1.25)
  })

  it("serves again after the wait", async () => {
    const bench = new WebSeedBench({ answer: (_, count) => (count === 0 ? { status: 503 } : undefined) })
    await bench.run()
    await bench.waitOver()
    expect(bench.seed.state.kind).toBe("ready")
    expect(bench.brought(await bench.run())).toBe(true)
  })
})

describe("a file that the server refuses", () => {
  const LENGTH = 20_000
  const pieceLength = 10_000
  const folder = (count: number, answer: (file: number, seen: number) => number | undefined) =>
    new WebSeedBench({
      ...{ kind: "folder", pieceLength, files: Array.from({ length: count }, () => ({ length: LENGTH })) },
      answer: ({ url }, seen) => {
        const status = answer(Number(/\d+$/.exec(url)?.[0]), seen)
        return status === undefined ? undefined : { status }
      },
    })
  const runFile = (bench: WebSeedBench, file: number) => bench.run(file * LENGTH, (file + 1) * LENGTH)
  const pieces = (bench: WebSeedBench, count: number) =>
    [...Array(2 * count).keys()].filter((piece) => bench.seed.hasPiece(piece))

  it.each([401, 403, 500, 502])("(%i) is left alone for a while, and the others come at once", async (status) => {
    const bench = folder(4, (file) => (file === 1 ? status : undefined))
    await runFile(bench, 0)
    expect(kindOf(await runFile(bench, 1))).toBe("file-refused")
    expect(bench.seed.state.kind).toBe("ready")
    expect(pieces(bench, 4)).toEqual([0, 1, 4, 5, 6, 7])
    expect(bench.seed.lacksPiece(2)).toBe(false)
    expect(bench.seed.stateWithRefused).toMatchObject({ kind: "waiting", reason: `it answered ${status}` })
    for (const file of [2, 3]) expect(kindOf(await runFile(bench, file))).toBe("done")
    expect(bench.clock.now()).toBeLessThan(1_000)
    await bench.clock.run(30_000)
    expect(bench.seed.releaseRefused()).toBe(true)
    expect(bench.seed.hasPiece(2)).toBe(true)
  })

  it.each([403, 500])("(%i) again and again is missing after a quarter of an hour", async (status) => {
    const bench = folder(3, (file) => (file === 1 ? status : undefined))
    await runFile(bench, 0)
    const start = bench.clock.now()
    for (let times = 0; !bench.seed.lacksPiece(2); times++) {
      expect(times).toBeLessThan(6)
      // Several connections that ask for it are one refusal.
      const runs = Array.from({ length: 8 }, () => bench.start(LENGTH, 2 * LENGTH))
      await bench.clock.runUntil(() => runs.every((run) => run.outcome() !== "open"))
      const { stateWithRefused } = bench.seed
      if (stateWithRefused.kind === "waiting") await bench.clock.run(stateWithRefused.until - bench.clock.now())
      bench.seed.releaseRefused()
    }
    expect((bench.clock.now() - start) / 60_000).toBeCloseTo(15.5, 1)
    expect(bench.seed.state.kind).toBe("ready")
    expect(pieces(bench, 3)).toEqual([0, 1, 4, 5])
  })

  it("at first is believed to be forbidden, and the others are asked for", async () => {
    const bench = folder(3, (file) => (file === 0 ? 403 : undefined))
    await runFile(bench, 0)
    expect(bench.seed.lacksPiece(0)).toBe(true)
    expect(kindOf(await runFile(bench, 1))).toBe("done")
    expect(bench.seed.state.kind).toBe("ready")
  })

  it.each([
    [403, "disabled"],
    [500, "waiting"],
  ])("(%i) after another, and never one that is given, means the server, which is %s", async (status, kind) => {
    const bench = folder(100, () => status)
    for (let file = 0; bench.seed.state.kind === "ready"; file++) await runFile(bench, file)
    expect(bench.http.seen.length).toBe(4)
    expect(bench.seed.state.kind).toBe(kind)
  })

  it.each([
    [403, 20],
    [502, 20],
    [403, 3],
    [502, 3],
  ])("(%i) with all the others, of %i, for a day costs few requests, and no file", async (status, count) => {
    let down = false
    const bench = folder(count, () => (down ? status : undefined))
    await runFile(bench, 0)
    down = true
    while (bench.clock.now() < 24 * 3_600_000) {
      for (let file = 1; file < count && bench.seed.state.kind === "ready"; file++)
        if (bench.seed.hasFile(file)) await runFile(bench, file)
      await bench.clock.run(250)
      await bench.waitOver()
    }
    // Four whenever it may be asked, about thirty times, and the one that was given.
    expect(bench.http.seen.length).toBeLessThan(5 * 35)
    down = false
    bench.seed.releaseRefused()
    expect(bench.brought(await bench.run(LENGTH), LENGTH)).toBe(true)
  })

  it.each([403, 500])(
    "(%i) with many others is known by one that was given, which is asked for again",
    async (status) => {
      const bench = folder(12, (file) => (file > 1 ? status : undefined))
      await runFile(bench, 1)
      for (let file = 2; file < 6; file++) await runFile(bench, file)
      expect(bench.http.ranges.slice(-2)).toEqual(["/pub/data%20set/f5 0-20000", "/pub/data%20set/f1 0-1"])
      expect(bench.seed.state.kind).toBe("ready")
      expect(kindOf(await runFile(bench, 0))).toBe("done")
      expect(bench.clock.now()).toBeLessThan(1_000)
      for (let minutes = 0; minutes < 30; minutes++) {
        for (let file = 2; file < 12; file++) if (bench.seed.hasFile(file)) await runFile(bench, file)
        await bench.clock.run(60_000)
        bench.seed.releaseRefused()
      }
      for (let file = 0; file < 12; file++) expect(bench.seed.lacksPiece(2 * file)).toBe(file > 1)
      expect(bench.seed.state.kind).toBe("ready")
    },
  )

  it("after it was given means the server, which is asked again without end", async () => {
    let down = false
    const bench = folder(3, () => (down ? 502 : undefined))
    await bench.run(LENGTH, LENGTH + 10_000)
    down = true
    for (let i = 0; i < 12; i++) {
      await bench.run(2 * LENGTH)
      await bench.run(LENGTH + 10_000, 2 * LENGTH)
      expect(bench.wait).toBeGreaterThanOrEqual(29_000)
      await bench.waitOver()
    }
    down = false
    expect(bench.brought(await bench.run(LENGTH), LENGTH)).toBe(true)
  })

  it("among very many others costs the one request each time", async () => {
    const bench = folder(40, (file) => (file % 5 === 3 ? 403 : undefined))
    for (let file = 0; file < 40; file++) await runFile(bench, file)
    expect(bench.http.seen.length).toBe(40)
    expect(bench.clock.now()).toBeLessThan(10_000)
    expect(bench.seed.state.kind).toBe("ready")
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

describe("a server that needs long for an answer", () => {
  it("is given twice as long each time, up to five minutes", async () => {
    const bench = new WebSeedBench({ answer: () => ({ status: 200, delay: 400_000 }) })
    const patience: number[] = []
    for (let i = 0; i < 6; i++) {
      const before = bench.clock.now()
      expect(kindOf(await bench.run())).toBe("interrupted")
      patience.push(Math.round((bench.clock.now() - before) / 1000))
      await bench.waitOver()
    }
    expect(patience).toEqual([20, 40, 80, 160, 300, 300])
  })

  it("is given as long for one request after the other, until it answers quickly", async () => {
    let delay = 35_000
    const bench = new WebSeedBench({ answer: (request, _, bench) => ({ ...bench.partial(request), delay }) })
    await bench.run()
    await bench.waitOver()
    for (let i = 0; i < 3; i++) expect(bench.brought(await bench.run())).toBe(true)
    delay = 1_000
    expect(bench.brought(await bench.run())).toBe(true)
    delay = 35_000
    const before = bench.clock.now()
    expect(kindOf(await bench.run())).toBe("interrupted")
    expect(bench.clock.now() - before).toBe(20_000)
  })

  it("is not waited for longer than others once it has begun", async () => {
    const bench = new WebSeedBench({
      answer: (request, count, bench) => {
        const answer = { ...bench.partial(request), delay: 100_000 }
        return count === 3 ? { ...answer, body: answer.body!.slice(0, 70_000), ending: "nothing" } : answer
      },
    })
    for (let i = 0; i < 3; i++) {
      expect(kindOf(await bench.run())).toBe("interrupted")
      await bench.waitOver()
    }
    const taken = await bench.run()
    expect(bench.brought(taken)).toBe(true)
    const [stalled, resumed] = bench.http.seen.slice(3)
    expect(resumed!.at - stalled!.at).toBeLessThan(120_100)
    expect(bench.clock.pendingTimers).toBe(0)
  })

  it("may take as long as it likes for the rest, while something comes", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 25_000 }],
      // A byte each millisecond.
      answer: (request, _, bench) => ({ ...bench.partial(request), delay: 35_000, chunk: () => 1 }),
    })
    await bench.run()
    await bench.waitOver()
    expect(bench.brought(await bench.run())).toBe(true)
    expect(bench.http.seen.length).toBe(2)
  })

  it("may be waited for as long as it likes while we pause", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => ({ ...bench.partial(request), delay: 35_000 }) })
    await bench.run()
    await bench.waitOver()
    const taken = bench.start(0, 100_000, (_, session) => session.pause())
    await bench.clock.runUntil(() => taken.session.position > 0)
    await bench.clock.run(60_000)
    expect(taken.outcome()).toBe("open")
    for (; taken.outcome() === "open"; taken.session.resume()) await bench.clock.run(100)
    expect(bench.brought(taken)).toBe(true)
    expect(bench.http.seen.length).toBe(2)
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

describe("a source that has served", () => {
  const troubles: Record<string, Answer> = {
    "a wall that wants a login": { status: 403 },
    "a key that has expired": { status: 401 },
    "a wall's certificate": { ending: "tls" },
    "a redirect to a wall": { ending: "unsafe-address" },
    "a redirect that leads nowhere": { ending: "redirect" },
    "something that is not HTTP": { ending: "malformed" },
    "a page in its place": { status: 200, headers: { "content-length": "512" }, body: new Uint8Array(512) },
    "a file that is gone for a while": { status: 404 },
  }

  it.each(Object.entries(troubles))("is asked again and again after %s, ever more seldom", async (_, answer) => {
    let trouble = false
    const bench = new WebSeedBench({ answer: () => (trouble ? answer : undefined) })
    await bench.run(0, 50_000)
    trouble = true
    const waits: number[] = []
    for (let i = 0; i < 9; i++) {
      expect(kindOf(await bench.run(50_000))).not.toBe("done")
      waits.push(bench.wait / 1000)
      await bench.waitOver()
    }
    expect(waits[0]).toBeGreaterThanOrEqual(29)
    expect(waits[8]).toBeGreaterThanOrEqual(3599)
    trouble = false
    expect(bench.brought(await bench.run(50_000), 50_000)).toBe(true)
  })

  it.each([
    ["of known length", { "content-length": "512" }],
    ["in chunks", {}],
  ])("keeps all its files through a page %s that comes in the place of each", async (_, headers) => {
    let trouble = false
    const files = Array.from({ length: 30 }, () => ({ length: 20_000 }))
    const page = { status: 200, headers, body: new Uint8Array(512) }
    const bench = new WebSeedBench({ kind: "folder", files, answer: () => (trouble ? page : undefined) })
    await bench.run(0, 20_000)
    trouble = true
    for (let i = 1; i < 30; i++) {
      const requests = bench.http.seen.length
      await bench.run(i * 20_000, i * 20_000 + 10_000)
      expect(bench.http.seen.length).toBe(requests + 1)
      expect(bench.wait).toBeGreaterThanOrEqual(29_000)
      await bench.waitOver()
    }
    trouble = false
    expect(bench.seed.rangesSupported).toBe(true)
    expect(bench.brought(await bench.run(20_000), 20_000)).toBe(true)
  })

  it("loses a file of several that is gone for long", async () => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      pieceLength: 10_000,
      answer: (request, count) => (count > 0 && request.url.endsWith("f1") ? { status: 404 } : undefined),
    })
    await bench.run(20_000, 40_000)
    for (let i = 0; i < 5; i++) {
      await bench.run(40_000)
      expect(bench.wait).toBeGreaterThan(0)
      await bench.waitOver()
    }
    await bench.run(40_000)
    expect([...Array(10).keys()].filter((piece) => bench.seed.hasPiece(piece))).toEqual([0, 1, 7, 8, 9])
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("is one only if something came", async () => {
    const bench = new WebSeedBench({ answer: () => ({ ending: "nothing" }) })
    const taken = bench.start()
    await bench.clock.run(5)
    taken.session.shorten(0)
    await bench.clock.runUntil(() => taken.outcome() === "done")
    expect(bench.seed.proven).toBe(false)
  })
})

describe("a server that limits requests", () => {
  it.each([429, 503])("(%i) gets fewer and longer ones", async (status) => {
    const bench = new WebSeedBench({ answer: () => ({ status }) })
    const before = bench.seed.runLength.bytes
    for (let i = 0; i < 3; i++) bench.start()
    await bench.clock.run(100)
    expect(bench.seed.runLength.bytes).toBe(2 * before)
  })
})

describe("a server that limits requests and does not say when to come back", () => {
  const twenty = Array.from({ length: 20 }, () => ({ length: 1000 }))

  it("is asked at the pace that it permits, and the run goes on", async () => {
    let served = Number.NEGATIVE_INFINITY
    let refused = 0
    const bench = new WebSeedBench({
      kind: "folder",
      files: twenty,
      answer: (_, _count, { clock }) => {
        // Four a second.
        if (clock.now() - served >= 250) {
          served = clock.now()
          return undefined
        }
        refused++
        return { status: 503 }
      },
    })
    const run = bench.start()
    await bench.clock.runUntilIdle()
    expect(run.outcome()).toBe("done")
    expect(bench.clock.now()).toBeLessThan(1.5 * 20 * 250)
    expect(refused).toBeLessThanOrEqual(5)
    expect(bench.seed.state.kind).toBe("ready")
    expect(bench.seed.takesRequestsAhead).toBe(false)
  })

  it("is left alone, when it refuses all from then on, as long as any that does", async () => {
    const bench = new WebSeedBench({
      ...{ kind: "folder", files: twenty },
      answer: (_, count) => (count > 0 ? { status: 503 } : undefined),
    })
    const run = bench.start()
    await bench.clock.run(29_000)
    expect(kindOf(run)).toBe("unavailable")
    expect(bench.seed.state.kind).toBe("waiting")
    expect(bench.http.seen.length).toBeLessThanOrEqual(12)
  })
})

describe("wrong bytes", () => {
  const MiB = 1024 * 1024

  it("in three pieces disable the source, which is told which", () => {
    const bench = new WebSeedBench()
    bench.seed.pieceCorrupt(4)
    bench.seed.pieceCorrupt(2)
    expect(bench.seed.state.kind).toBe("ready")
    bench.seed.pieceCorrupt(5)
    expect(bench.seed.state).toEqual({ kind: "disabled", reason: "the hashes of pieces 4, 2, 5 are wrong" })
  })

  it("here and there in very many that are right do not", async () => {
    const bench = new WebSeedBench({ files: [{ length: 2 * MiB }] })
    await bench.run()
    for (let piece = 0; piece < 8; piece++) bench.seed.pieceCorrupt(piece)
    expect(bench.seed.state.kind).toBe("ready")
    bench.seed.pieceCorrupt(8)
    expect(bench.seed.state.kind).toBe("disabled")
  })

  it("twice in the same piece leave that piece to others", () => {
    const bench = new WebSeedBench()
    bench.seed.pieceCorrupt(4)
    expect(bench.seed.hasPiece(4)).toBe(true)
    bench.seed.pieceCorrupt(4)
    expect([...Array(7).keys()].filter((piece) => bench.seed.hasPiece(piece))).toEqual([0, 1, 2, 3, 5, 6])
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("twice in the only piece disable the source", () => {
    const bench = new WebSeedBench({ files: [{ length: 10_000 }] })
    bench.seed.pieceCorrupt(0)
    bench.seed.pieceCorrupt(0)
    expect(bench.seed.state).toEqual({ kind: "disabled", reason: "the hash of piece 0 is wrong" })
  })

  it("in one file of several mean that it is another file, and in several files that the source is of no use", () => {
    const files = Array.from({ length: 4 }, () => ({ length: 100_000 }))
    const bench = new WebSeedBench({ kind: "folder", files, pieceLength: 10_000 })
    for (const piece of [10, 11, 12]) bench.seed.pieceCorrupt(piece)
    expect(bench.seed.state.kind).toBe("ready")
    expect([...Array(40).keys()].filter((piece) => !bench.seed.hasPiece(piece))).toEqual(
      Array.from({ length: 10 }, (_, at) => 10 + at),
    )
    bench.seed.pieceCorrupt(20)
    expect(bench.seed.state.kind).toBe("ready")
    bench.seed.pieceCorrupt(30)
    expect(bench.seed.state.kind).toBe("disabled")
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

describe("how fast runs are", () => {
  it.each<[string, Answer]>([
    ["a connection that fails", { ending: "network" }],
    ["a refusal", { status: 503 }],
  ])("is not what it was after %s: it takes no run from others until one has passed again", async (_, answer) => {
    let next: Answer | undefined
    const bench = new WebSeedBench({ files: [{ length: 100_000 }], answer: () => next })
    expect(bench.seed.pace).toBeUndefined()
    await bench.run()
    expect(bench.seed.pace).toBeGreaterThan(0)
    next = answer
    await bench.run()
    expect(bench.seed.pace).toBe(0)
  })
})
