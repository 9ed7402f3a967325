import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { CodeCache } from "../../../src/cli/code-cache.js"

const SOURCE = Buffer.from("1 + 1")
const CODE = Buffer.from("code")
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "at-code-"))
  vi.stubEnv("XDG_CACHE_HOME", folder)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** The only file kept. */
function file(): string {
  const kept = join(folder, "academictorrents", "code")
  const names = readdirSync(kept)
  expect(names).toHaveLength(1)
  return join(kept, names[0]!)
}

describe("compiled code in the user's cache", () => {
  it("is read as it was written, for the same program", () => {
    expect(new CodeCache("p", SOURCE).read()).toBeUndefined()
    for (const thorough of [false, true]) {
      new CodeCache("p", SOURCE).write(CODE, thorough)
      expect(new CodeCache("p", SOURCE).read()).toEqual({ code: CODE, thorough })
      file()
    }
    expect(new CodeCache("q", SOURCE).read()).toBeUndefined()
  })

  it("is not that of a source of the same length", () => {
    new CodeCache("p", SOURCE).write(CODE, true)
    expect(new CodeCache("p", Buffer.from("1 + 2")).read()).toBeUndefined()
  })

  it("is not read when any byte is another", () => {
    new CodeCache("p", SOURCE).write(CODE, true)
    const whole = readFileSync(file())
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1
      writeFileSync(file(), damaged)
      expect(new CodeCache("p", SOURCE).read()).toBeUndefined()
    }
    writeFileSync(file(), whole.subarray(0, -1))
    expect(new CodeCache("p", SOURCE).read()).toBeUndefined()
  })

  it.skipIf(process.platform === "win32")("is not read when others may have written it", () => {
    new CodeCache("p", SOURCE).write(CODE, true)
    chmodSync(file(), 0o620)
    expect(new CodeCache("p", SOURCE).read()).toBeUndefined()
  })

  it("is neither read nor written when Node's switch says so, nor where that can't be done", () => {
    vi.stubEnv("NODE_DISABLE_COMPILE_CACHE", "1")
    new CodeCache("p", SOURCE).write(CODE, true)
    expect(readdirSync(folder)).toEqual([])
    vi.stubEnv("NODE_DISABLE_COMPILE_CACHE", undefined)
    vi.stubEnv("XDG_CACHE_HOME", "/dev/null/cache")
    new CodeCache("p", SOURCE).write(CODE, true)
    expect(new CodeCache("p", SOURCE).read()).toBeUndefined()
  })
})
