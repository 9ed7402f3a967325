import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { judgeAnswer } from "../../src/webseed/judge-answer.js"
import { urlLayout } from "../../src/webseed/url-layout.js"
import { SimRandom } from "../sim/lib/sim-random.js"
import { anyText } from "../support/any-text.js"
import { metainfoOf, WebSeedBench } from "../support/web-seed-bench.js"

const file = fc.record({
  length: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200_000 })),
  padding: fc.boolean(),
})

/** What is done to a run from outside, a while after the step before. */
const step = fc.record({
  after: fc.integer({ min: 0, max: 30 }),
  does: fc.oneof(
    fc.constant({ kind: "pause" as const }),
    fc.constant({ kind: "resume" as const }),
    fc.record({ kind: fc.constant("shorten" as const), to: fc.double({ min: 0, max: 1, noNaN: true }) }),
  ),
})

describe("a run", () => {
  it("brings exactly the torrent's bytes from its start to where it stops, whatever happens on the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        fc.constantFrom("faultless", "cuts", "whole files", "mixed"),
        fc.array(step, { maxLength: 8 }),
        async (files, a, b, luck, server, steps) => {
          const random = new SimRandom(luck)
          const bench = new WebSeedBench({
            kind: "folder",
            files,
            answer: (request, _, bench) => {
              const behaviour = server === "mixed" ? ["faultless", "cuts", "whole files"][random.below(3)] : server
              const answer = behaviour === "whole files" ? bench.whole(request) : bench.partial(request)
              const chunk = (): number => 1 + random.below(random.chance(0.5) ? 40_000 : 500)
              if (behaviour !== "cuts" || random.chance(0.5)) return { ...answer, chunk }
              const body = answer.body!.slice(0, random.below(answer.body!.length + 1))
              return { ...answer, body, chunk, ending: random.chance(0.5) ? "network" : "timeout" }
            },
          })
          const { length } = bench.metainfo.layout
          const offset = Math.floor(Math.min(a, b) * length)
          let end = Math.ceil(Math.max(a, b) * length)
          const taken = bench.start(offset, end)
          for (const { after, does } of steps) {
            await bench.clock.run(after)
            if (taken.outcome() !== "open") break
            if (does.kind === "shorten") {
              const to = offset + Math.floor(does.to * (end - offset))
              end = Math.min(end, Math.max(to, taken.session.position))
              taken.session.shorten(to)
            } else taken.session[does.kind]()
          }
          taken.session.resume()
          await bench.clock.runUntilIdle()

          const { position } = taken.session
          expect(bench.brought(taken, offset, position)).toBe(true)
          if (taken.outcome() === "done") expect(position).toBe(end)
          else expect(taken.outcome()).toMatchObject({ kind: "interrupted" })
          if (server === "faultless" || server === "whole files") expect(taken.outcome()).toBe("done")
          expect(bench.seed.concurrency.active).toBe(0)
          expect(bench.http.seen.filter((request) => request.end === "open")).toEqual([])
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("judging an answer", () => {
  const header = fc.oneof(
    fc.string(),
    fc.constantFrom("bytes 0-9/10", "bytes 5-9/10", "bytes */10", "bytes 0-9/*", "10", "gzip", "0", "5"),
  )

  it("never takes a body that does not begin where it must", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(200, 206, 416, 429, 503, 404),
        fc.dictionary(fc.constantFrom("content-range", "content-length", "content-encoding", "retry-after"), header),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 10 }),
        (status, headers, from, length) => {
          const to = Math.min(10, from + length)
          const verdict = judgeAnswer({ name: "x", fileLength: 10, from, to }, { status, headers }, 0)
          if (verdict.kind !== "body") return
          expect(verdict.start).toBe(status === 206 ? from : 0)
          expect(verdict.end ?? 10).toBeGreaterThan(verdict.start)
          expect(verdict.end ?? 10).toBeLessThanOrEqual(10)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe("the URL of a file", () => {
  it("leads back to its name, element by element, whatever the name is", () => {
    // Half surrogate pairs can't come out of a torrent, whose names are UTF-8. Elements are never empty, "." or "..".
    const name = anyText({ minLength: 1, maxLength: 40 }).filter((text) => !/^\.\.?$/.test(text))
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), name, (path, rawName) => {
        const metainfo = { ...metainfoOf("folder", [{ length: 1 }]), rawName, renamed: new Map([[0, path]]) }
        const layout = urlLayout("https://server.example/a%20b", metainfo)
        expect(layout.kind).toBe("usable")
        if (layout.kind !== "usable") return
        const url = layout.urlOf(0)
        expect(new URL(url).href).toBe(url)
        expect(new URL(url).pathname.split("/").slice(1).map(decodeURIComponent)).toEqual(["a b", rawName, ...path])
      }),
      { numRuns: 1_000 },
    )
  })
})
