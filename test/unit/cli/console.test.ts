import { stripVTControlCharacters } from "node:util"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Console } from "../../../src/cli/console.js"
import { stillSnapshot } from "../../../src/dataset/still-snapshot.js"
import { AtError } from "../../../src/errors.js"

let out: string
let err: string

beforeEach(() => {
  out = ""
  err = ""
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text)
    return true
  })
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += stripVTControlCharacters(String(text))
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

const progress = stillSnapshot({ name: "data", infoHash: "00" }, { state: "checking", doneBytes: 1, totalBytes: 2 })
const failure = new AtError("AT_DISK_FULL", "no space for \x1b[2J", {
  hint: "make room",
  cause: new Error("ENOSPC", { cause: new Error("the disk") }),
})

/** Everything a command may say. */
function speak(console: Console): void {
  console.say("starting")
  console.progress(progress)
  console.log?.log("info", "torrent", "news")
  console.log?.log("debug", "torrent", "detail")
  console.error(failure)
  console.result("/data/path")
  console.end()
}

describe("what a command says", () => {
  it("is the result alone on standard output, talk and errors on standard error", () => {
    speak(new Console({}))
    expect(out).toBe("/data/path\n")
    expect(err).toContain("starting\n")
    expect(err).toContain("error: no space for \\u{1b}[2J\n")
    expect(err).toContain("what to do: make room\n")
    expect(err).not.toMatch(/news|detail|ENOSPC/)
  })

  it("has a live view on a terminal, unless it shall be quiet or JSON", () => {
    const terminal = Object.getOwnPropertyDescriptor(process.stderr, "isTTY")
    Object.defineProperty(process.stderr, "isTTY", { value: true, configurable: true })
    try {
      speak(new Console({}))
      expect(err).toContain("checking what is on disk")
      for (const options of [{ quiet: true }, { json: true }]) {
        err = ""
        speak(new Console(options))
        expect(err).not.toContain("checking what is on disk")
      }
    } finally {
      if (terminal === undefined) Reflect.deleteProperty(process.stderr, "isTTY")
      else Object.defineProperty(process.stderr, "isTTY", terminal)
    }
  })

  it("is errors and the result when it shall be quiet", () => {
    speak(new Console({ quiet: true }))
    expect(out).toBe("/data/path\n")
    expect(err).toMatch(/^error: .*\nwhat to do: make room\n$/)
  })

  it("is news and causes with -v, details too with -vv", () => {
    speak(new Console({ verbose: 1 }))
    expect(err).toMatch(/news/)
    expect(err).not.toMatch(/detail/)
    expect(err).toMatch(/cause: ENOSPC\ncause: the disk\n/)
    err = ""
    speak(new Console({ verbose: 2 }))
    expect(err).toMatch(/news[\s\S]*detail/)
  })

  it("has a stack only for a bug, and only with -v", () => {
    const bug = new AtError("AT_BUG", "an invariant was broken", { hint: "report it" })
    new Console({}).error(bug)
    expect(err).not.toContain("console.test")
    new Console({ verbose: 1 }).error(bug)
    expect(err).toContain("console.test")
  })

  it("is JSON Lines on standard output with --json, and nothing else", () => {
    const console = new Console({ json: true })
    console.say("starting")
    console.progress(progress)
    console.error(failure)
    console.emit({ type: "done", path: "/data/line\nbreak" })
    console.end()
    expect(err).toBe("")
    const lines = out.split("\n")
    expect(lines.pop()).toBe("")
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { type: "progress", ...progress },
      { type: "error", code: "AT_DISK_FULL", message: failure.message, hint: "make room" },
      { type: "done", path: "/data/line\nbreak" },
    ])
  })
})
