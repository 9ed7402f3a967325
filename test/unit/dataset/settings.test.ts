import { mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { absolutePath, datastoreSetting, noLsdSetting, readUserSettings } from "../../../src/node/user-settings.js"

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "at-home-"))
  vi.stubEnv("HOME", home)
  vi.stubEnv("AT_DATASTORE", undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
  vi.resetModules()
  rmSync(home, { recursive: true })
})

const configure = (text: string): void => writeFileSync(join(home, ".academictorrents.config"), text)

describe("a user's settings", () => {
  it("have a place for datasets below the home directory when nothing is set", () => {
    expect(datastoreSetting({})).toBe(join(home, ".academictorrents-datastore"))
    expect(readUserSettings({})).toEqual({
      site: undefined,
      offline: false,
      cache: join(home, ".cache/academictorrents"),
    })
  })

  it("take the place from the config file, and from the environment before that", () => {
    configure('{"datastore": "/scratch/a", "more": 1}')
    expect(datastoreSetting({})).toBe("/scratch/a")
    expect(datastoreSetting({ AT_DATASTORE: "/scratch/b" })).toBe("/scratch/b")
    expect(datastoreSetting({ AT_DATASTORE: "" })).toBe("/scratch/a")
    configure('{"datastore": "~/data"}')
    expect(datastoreSetting({})).toBe(join(home, "data"))
    configure("{}")
    expect(datastoreSetting({})).toBe(join(home, ".academictorrents-datastore"))
  })

  it.each([
    ['{"datastore": 5}', /"datastore" is not a string$/],
    ['["/scratch"]', /is not an object$/],
    ["null", /is not an object$/],
    ["", /malformed/],
    ["not JSON", /not JSON/],
    ['{\n  "datastore": "/scratch"\n  "more": 1\n}', /\(line 3\)$/],
  ])("refuse a malformed config file, and say what is wrong with it: %s", (text, reason) => {
    configure(text)
    expect(() => datastoreSetting({})).toThrow(
      expect.objectContaining({
        code: "AT_INVALID_INPUT",
        message: expect.stringMatching(reason) as unknown,
        hint: expect.stringContaining('{"datastore": "/path/to/datasets"}') as unknown,
      }),
    )
    expect(() => datastoreSetting({})).toThrow(join(home, ".academictorrents.config"))
    expect(datastoreSetting({ AT_DATASTORE: "/a" })).toBe("/a")
  })

  it("refuse a config file that can't be read", () => {
    const path = join(home, ".academictorrents.config")
    mkdirSync(path)
    expect(() => datastoreSetting({})).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
    expect(() => datastoreSetting({})).toThrow(`${path} can't be read: EISDIR`)
    rmdirSync(path)
    symlinkSync(path, path)
    expect(() => datastoreSetting({})).toThrow(path)
    expect(datastoreSetting({ AT_DATASTORE: "/a" })).toBe("/a")
  })

  it("leave local discovery out where the environment says so", () => {
    expect([undefined, "", "0", "1", "yes"].map((AT_NO_LSD) => noLsdSetting({ AT_NO_LSD }))).toEqual([
      ...[false, false, false],
      ...[true, true],
    ])
  })

  it("know the site and whether to stay offline", () => {
    expect(readUserSettings({ AT_SITE: "http://127.0.0.1:8080", AT_OFFLINE: "1" })).toMatchObject({
      site: "http://127.0.0.1:8080",
      offline: true,
    })
    for (const off of ["", "0"])
      expect(readUserSettings({ AT_OFFLINE: off, AT_SITE: "" })).toMatchObject({ site: undefined, offline: false })
  })

  it("put the cache where the XDG specification says, relative paths ignored", () => {
    expect(readUserSettings({ XDG_CACHE_HOME: "/var/cache" }).cache).toBe("/var/cache/academictorrents")
    expect(readUserSettings({ XDG_CACHE_HOME: "cache" }).cache).toBe(join(home, ".cache/academictorrents"))
  })
})

describe("a path as a user types it", () => {
  it("becomes absolute, with ~ for the home directory", () => {
    expect(absolutePath("~")).toBe(home)
    expect(absolutePath("~/a/../b")).toBe(join(home, "b"))
    expect(absolutePath("a/b")).toBe(join(process.cwd(), "a/b"))
    expect(absolutePath("/a/b/")).toBe("/a/b")
    expect(absolutePath("~other")).toBe(join(process.cwd(), "~other"))
    // Paths are joined with a slash.
    expect(absolutePath("~/a/")).toBe(join(home, "a"))
    expect(absolutePath("~/")).toBe(home)
  })

  it("needs the current folder only when it is relative", () => {
    vi.spyOn(process, "cwd").mockImplementation(() => {
      throw new Error("ENOENT: no such file or directory, uv_cwd")
    })
    expect(absolutePath("/a")).toBe("/a")
    expect(() => absolutePath("a/b")).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
    vi.restoreAllMocks()
  })
})

describe("the default datastore", () => {
  it("is the one that was set in this process, before all else", async () => {
    const { defaultDatastore, setDatastore } = await import("../../../src/dataset/datastore.js")
    vi.stubEnv("AT_DATASTORE", "/from/environment")
    expect(defaultDatastore()).toBe("/from/environment")
    setDatastore("~/chosen")
    expect(defaultDatastore()).toBe(join(home, "chosen"))
  })
})
