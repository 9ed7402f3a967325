import { describe, expect, it } from "vitest"
import type { Answer } from "../../support/scripted-http.js"
import { type Taken, WebSeedBench } from "../../support/web-seed-bench.js"

const MiB = 1024 * 1024
const threeFiles = [{ length: 20_000 }, { length: 50_000 }, { length: 30_000 }]

function kindOf(taken: Taken): string {
  const outcome = taken.outcome()
  return typeof outcome === "string" ? outcome : outcome.kind
}

describe("a 200 in answer to a range", () => {
  it("is as good when the whole file was asked for", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => bench.whole(request) })
    const taken = await bench.run()
    expect(kindOf(taken)).toBe("done")
    expect(bench.brought(taken)).toBe(true)
    expect(bench.seed.rangesSupported).toBeUndefined()
  })

  it("is read as far as needed when the file's beginning was asked for, and says that there are no ranges", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 2 * MiB }],
      answer: (request, _, bench) => bench.whole(request),
    })
    const taken = await bench.run(0, MiB)
    expect(bench.brought(taken, 0, MiB)).toBe(true)
    expect(bench.http.seen[0]?.end).toBe("aborted")
    expect(bench.seed.rangesSupported).toBe(false)
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("is read and thrown away up to a place near the beginning", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => bench.whole(request) })
    expect(bench.brought(await bench.run(50_000, 70_000), 50_000, 70_000)).toBe(true)
    expect(bench.seed.downloaded).toBe(20_000)
  })

  it("is not read to a place far inside; such places are known from then on", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 6 * MiB }],
      answer: (request, _, bench) => bench.whole(request),
    })
    expect(bench.seed.canStartAt(5 * MiB)).toBe(true)
    const taken = await bench.run(5 * MiB, 6 * MiB)
    expect(kindOf(taken)).toBe("no-ranges")
    expect(taken.session.position).toBe(5 * MiB)
    expect(bench.seed.canStartAt(5 * MiB)).toBe(false)
    expect(bench.seed.canStartAt(MiB)).toBe(true)
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("is read to any place when a run insists, for there may be no other source", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 6 * MiB }],
      answer: (request, _, bench) => bench.whole(request),
    })
    await bench.run(5 * MiB, 6 * MiB)
    expect(bench.brought(await bench.run(5 * MiB, 6 * MiB), 5 * MiB, 6 * MiB)).toBe(true)
  })

  it("makes for one long run at a time where files are large, until ranges come after all", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 6 * MiB }],
      answer: (request, count, bench) => (count === 0 ? bench.whole(request) : undefined),
    })
    await bench.run(0, MiB)
    expect(bench.seed.concurrency.limit).toBe(1)
    expect(bench.seed.runLength.bytes).toBe(Number.POSITIVE_INFINITY)
    await bench.run(MiB, 2 * MiB)
    expect(bench.seed.rangesSupported).toBe(true)
    expect(bench.seed.concurrency.limit).toBe(2)
    expect(bench.seed.runLength.bytes).toBe(4 * MiB)
  })

  it("leaves small files to several runs", async () => {
    const files = Array.from({ length: 10 }, () => ({ length: 10_000 }))
    const bench = new WebSeedBench({ kind: "folder", files, answer: (request, _, bench) => bench.whole(request) })
    await bench.run(5_000, 25_000)
    expect(bench.seed.rangesSupported).toBe(false)
    expect(bench.seed.concurrency.limit).toBeGreaterThan(1)
  })

  it("that turns out longer or shorter than the file means that the file is not there", async () => {
    for (const length of [99_999, 100_001]) {
      const bench = new WebSeedBench({
        answer: () => ({ status: 200, body: new Uint8Array(length), chunk: () => 16_000 }),
      })
      expect(kindOf(await bench.run())).toBe("file-missing")
      expect(bench.seed.state).toMatchObject({ kind: "disabled" })
    }
  })
})

describe("a cut answer", () => {
  const cutAfter = (bytes: number, ending: Answer["ending"]) =>
    new WebSeedBench({
      files: [{ length: 400_000 }],
      answer: (request, count, bench) => {
        if (count > 0) return undefined
        const answer = bench.partial(request)
        return { ...answer, body: answer.body!.slice(0, bytes), ...(ending === undefined ? {} : { ending }) }
      },
    })

  it.each(["end", "network", "timeout"] as const)("(%s) is resumed where it was", async (ending) => {
    const bench = cutAfter(100_000, ending)
    const taken = await bench.run()
    expect(kindOf(taken)).toBe("done")
    expect(bench.brought(taken)).toBe(true)
    expect(bench.http.ranges).toEqual(["/f0 0-400000", "/f0 100000-400000"])
    expect(bench.seed.state.kind).toBe("ready")
  })

  it("is resumed again and again as long as it brings something", async () => {
    const bench = new WebSeedBench({
      files: [{ length: 2 * MiB }],
      answer: (request, _, bench) => ({
        ...bench.partial(request, {}, request.from, Math.min(request.from + 65_536, request.to)),
      }),
    })
    const taken = await bench.run()
    expect(bench.brought(taken)).toBe(true)
    expect(bench.http.seen.length).toBe(32)
  })

  it("is given up when its pieces are tiny, with pauses between", async () => {
    const bench = new WebSeedBench({
      answer: (request, _, bench) => ({
        ...bench.partial(request, {}, request.from, request.from + 1),
        ending: "network",
      }),
    })
    const taken = await bench.run()
    expect(kindOf(taken)).toBe("interrupted")
    expect(bench.brought(taken, 0, 4)).toBe(true)
    expect(bench.http.seen.length).toBe(4)
    expect(bench.http.seen[3]!.at - bench.http.seen[0]!.at).toBeGreaterThan(3_000)
    expect(bench.wait).toBeGreaterThan(0)
  })

  it("on a server without ranges begins the file anew only where that costs little", async () => {
    const size = 6 * MiB
    for (const [at, outcome] of [
      [MiB, "done"],
      [5 * MiB, "interrupted"],
    ] as const) {
      const bench = new WebSeedBench({
        files: [{ length: size }],
        answer: (request, count, bench) => {
          const answer = { ...bench.whole(request), chunk: () => 65_536 }
          return count === 1 ? { ...answer, body: answer.body!.slice(0, at), ending: "network" } : answer
        },
      })
      await bench.run(0, 1_000)
      const taken = await bench.run(0, size - 1)
      expect(kindOf(taken)).toBe(outcome)
      expect(bench.brought(taken, 0, outcome === "done" ? size - 1 : at)).toBe(true)
    }
  })
})

describe("an answer that is too long", () => {
  it("is cut, and the third in a row disables the source", async () => {
    const bench = new WebSeedBench({
      answer: (request, _, bench) => {
        const answer = bench.partial(request)
        const { "content-length": _length, ...headers } = answer.headers!
        return { ...answer, headers, body: new Uint8Array([...answer.body!, 1, 2, 3]), chunk: () => 100_003 }
      },
    })
    for (let i = 0; i < 3; i++) expect(bench.brought(await bench.run(0, 10_000), 0, 10_000)).toBe(true)
    expect(bench.seed.state).toEqual({
      kind: "disabled",
      reason: "3 answers in a row were wrong: it sent more than was asked for",
    })
  })

  it("is cut also when it says so itself", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => bench.partial(request, {}, request.from, 100_000) })
    expect(bench.brought(await bench.run(0, 10_000), 0, 10_000)).toBe(true)
    expect(bench.log.some((line) => line.includes("more than was asked for"))).toBe(true)
  })
})

describe("a wrong answer", () => {
  it("(206 without Content-Range) brings nothing and makes the source wait", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => ({ ...bench.partial(request), headers: {} }) })
    const taken = await bench.run()
    expect(kindOf(taken)).toBe("wrong-answer")
    expect(taken.bytes().length).toBe(0)
    expect(bench.wait).toBeGreaterThanOrEqual(29_000)
  })

  it("(an empty 206) is never asked for again at once", async () => {
    const bench = new WebSeedBench({
      answer: (request) => ({ status: 206, headers: { "content-range": `bytes 0-${request.to - 1}/100000` } }),
    })
    expect(kindOf(await bench.run())).toBe("wrong-answer")
    expect(bench.http.seen.length).toBe(1)
    expect(bench.wait).toBeGreaterThanOrEqual(29_000)
  })

  it("three times in a row disables the source, unless it has served", async () => {
    for (const serves of [false, true]) {
      const bench = new WebSeedBench({
        answer: (request, count, bench) =>
          serves && count === 2 ? undefined : { ...bench.partial(request), headers: {} },
      })
      for (let i = 0; i < 3; i++) {
        expect(bench.seed.state.kind).toBe("ready")
        await bench.run()
        await bench.waitOver()
      }
      expect(bench.seed.state.kind).toBe(serves ? "ready" : "disabled")
    }
  })

  it("by several runs at once counts as one", async () => {
    const bench = new WebSeedBench({ answer: (request, _, bench) => ({ ...bench.partial(request), headers: {} }) })
    for (let i = 0; i < 5; i++) bench.start()
    await bench.clock.run(1_000)
    expect(bench.seed.state.kind).toBe("waiting")
  })
})

describe("a missing file", () => {
  it.each([404, 410])("(%i) takes its pieces from the source, and no others", async (status) => {
    const bench = new WebSeedBench({
      kind: "folder",
      files: threeFiles,
      pieceLength: 10_000,
      answer: (request) => (request.url.endsWith("f1") ? { status } : undefined),
    })
    const taken = await bench.run(0, 100_000)
    expect(kindOf(taken)).toBe("file-missing")
    expect(bench.brought(taken, 0, 20_000)).toBe(true)
    expect([...Array(10).keys()].filter((piece) => bench.seed.hasPiece(piece))).toEqual([0, 1, 7, 8, 9])
    expect(bench.seed.state.kind).toBe("ready")
    expect(kindOf(await bench.run(70_000, 100_000))).toBe("done")
    const requests = bench.http.seen.length
    expect(kindOf(await bench.run(60_000, 100_000))).toBe("file-missing")
    expect(bench.http.seen.length).toBe(requests)
  })

  it("of another size (206, 416) is not there either", async () => {
    for (const answer of [
      { status: 206, headers: { "content-range": "bytes 0-19999/777" } },
      { status: 416, headers: { "content-range": "bytes */777" } },
    ]) {
      const bench = new WebSeedBench({ kind: "folder", files: threeFiles, pieceLength: 10_000, answer: () => answer })
      expect(kindOf(await bench.run(0, 100_000))).toBe("file-missing")
      expect(bench.seed.hasPiece(0)).toBe(false)
      expect(bench.seed.state.kind).toBe("ready")
    }
  })

  it("of one disables the source, and so do all of several", async () => {
    const single = new WebSeedBench({ answer: () => ({ status: 416, headers: { "content-range": "bytes */5" } }) })
    await single.run()
    expect(single.seed.state).toEqual({ kind: "disabled", reason: "its file has 5 bytes instead of 100000" })
    const several = new WebSeedBench({ kind: "folder", files: threeFiles, answer: () => ({ status: 404 }) })
    for (const offset of [0, 20_000, 70_000]) await several.run(offset)
    expect(several.seed.state).toMatchObject({ kind: "disabled", reason: "it has none of the files: it answered 404" })
  })

  it("after missing file, and never one that is there, ends the asking", async () => {
    const files = Array.from({ length: 1_000 }, () => ({ length: 100 }))
    const bench = new WebSeedBench({ kind: "folder", files, answer: () => ({ status: 404 }) })
    for (let at = 0; bench.seed.state.kind === "ready"; at += 100) await bench.run(at)
    expect(bench.http.seen.length).toBe(16)
  })

  it("after missing file does not, where one was there", async () => {
    const files = Array.from({ length: 20 }, () => ({ length: 100 }))
    const answer = ({ url }: { url: string }) => (url.endsWith("/f0") ? undefined : { status: 404 })
    const bench = new WebSeedBench({ kind: "folder", files, pieceLength: 100, answer })
    for (let at = 0; at < 2_000; at += 100) await bench.run(at)
    expect(bench.http.seen.length).toBe(20)
    expect(bench.seed.state.kind).toBe("ready")
  })
})
