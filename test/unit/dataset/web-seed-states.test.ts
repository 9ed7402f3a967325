import { describe, expect, it } from "vitest"
import { webSeedStates } from "../../../src/dataset/web-seed-states.js"
import { createSimulation } from "../../sim/lib/simulation.js"
import { type Answer, ScriptedHttp } from "../../support/scripted-http.js"
import { type BenchFile, metainfoOf } from "../../support/web-seed-bench.js"

const URLS = ["http://a.example/", "http://b.example/"]
const BYTE = { status: 206, headers: { "content-range": "bytes 0-0/70", "content-length": "1" } }

/** States of {@link URLS}, each of which answers as told. */
function ask(
  answer: (url: string) => Answer,
  files: readonly BenchFile[] = [{ length: 70, path: "a.csv" }],
  urls = URLS,
) {
  const simulation = createSimulation({ seed: 1 })
  const platform = simulation.platform("10.0.0.1")
  const http = new ScriptedHttp(simulation.clock, ({ url }) => answer(url))
  const metainfo = metainfoOf("folder", files)
  const stop = new AbortController()
  const context = { platform: { ...platform, http }, offline: false }
  const states = webSeedStates(context, metainfo, { urls }, new Set(files.keys()), stop.signal)
  return { states: () => simulation.runUntil(states), clock: simulation.clock, stop, http }
}

describe("the states of web seeds", () => {
  it("are known after five seconds, whoever is silent", async () => {
    const { states, clock, http } = ask((url) => (url.startsWith(URLS[0]!) ? BYTE : { ending: "nothing" }))
    expect(await states()).toEqual([
      { kind: "there", url: URLS[0], file: "a.csv", ranges: true },
      { kind: "failed", url: URLS[1], message: "a.csv: no answer" },
    ])
    expect(clock.now()).toBe(5_000)
    expect(http.seen.map(({ end }) => end)).toEqual(["aborted", "aborted"])
  })

  it("are not waited for when the call is stopped, and leave no request behind", async () => {
    const { states, clock, stop, http } = ask(() => ({ ending: "nothing" }))
    clock.after(100, () => stop.abort())
    await expect(states()).rejects.toMatchObject({ code: "AT_ABORTED" })
    expect(clock.now()).toBe(100)
    expect(http.seen.map(({ end }) => end)).toEqual(["aborted", "aborted"])
  })

  it("tell of a file that is another one by its size, and of a refusal", async () => {
    const other = { status: 206, headers: { "content-range": "bytes 0-0/71" } }
    const { states } = ask((url) => (url.startsWith(URLS[0]!) ? other : { status: 403 }))
    expect(await states()).toMatchObject([
      { message: "a.csv: its file has 71 bytes instead of 70" },
      { message: "a.csv: it answered 403" },
    ])
  })

  it("are of a file that has bytes and is no padding", async () => {
    const files = [{ length: 0 }, { length: 9, padding: true }, { length: 70, path: "c.csv" }]
    const { states, http } = ask(() => BYTE, files)
    expect(await states()).toMatchObject([{ file: "c.csv" }, { file: "c.csv" }])
    expect(http.ranges).toEqual(["/data%20set/c.csv 0-1", "/data%20set/c.csv 0-1"])
    expect(await ask(() => BYTE, [{ length: 0 }]).states()).toEqual([])
  })

  it("ask no place twice, and none that can't be asked", async () => {
    const { states, http } = ask(() => BYTE, undefined, ["http://a.example", "http://a.example/", "ftp://b.example/"])
    expect(await states()).toMatchObject([{ kind: "there" }, { kind: "failed", message: "ftp is not supported" }])
    expect(http.seen).toHaveLength(1)
  })

  it("are had of a private address behind a public name if the user named the URL", async () => {
    const simulation = createSimulation({ seed: 1 })
    simulation.web.serve("http://lab.example", () => ({ ...BYTE, body: Uint8Array.of(1) }), { address: "10.0.1.1" })
    const metainfo = { ...metainfoOf("folder", [{ length: 70, path: "a.csv" }]), webSeeds: ["http://lab.example/b/"] }
    const context = { platform: simulation.platform("10.0.0.1"), offline: false }
    const options = { urls: ["http://lab.example/a/"] }
    const { signal } = new AbortController()
    const states = await simulation.runUntil(webSeedStates(context, metainfo, options, new Set([0]), signal))
    expect(states).toMatchObject([
      { kind: "there" },
      { kind: "failed", message: expect.stringContaining("lab.example leads to") },
    ])
  })
})
