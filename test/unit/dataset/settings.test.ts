import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { absolutePath, noLsdSetting, readUserSettings } from "../../../src/node/user-settings.js"

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
    expect(readUserSettings({})).toEqual({
      datastore: join(home, ".academictorrents-datastore"),
      site: undefined,
      offline: false,
      cache: join(home, ".cache/academictorrents"),
    })
  })

  it("take the place from the config file, and from the environment before that", () => {
    configure('{"datastore": "/scratch/a", "more": 1}')
    expect(readUserSettings({}).datastore).toBe("/scratch/a")
    expect(readUserSettings({ AT_DATASTORE: "/scratch/b" }).datastore).toBe("/scratch/b")
    expect(readUserSettings({ AT_DATASTORE: "" }).datastore).toBe("/scratch/a")
    configure('{"datastore": "~/data"}')
    expect(readUserSettings({}).datastore).toBe(join(home, "data"))
    configure("{}")
    expect(readUserSettings({}).datastore).toBe(join(home, ".academictorrents-datastore"))
  })

  it.each(['{"datastore": 5}', "not JSON", '{"datastore": '])("refuse a malformed config file: %s", (text) => {
    configure(text)
    expect(() => readUserSettings({})).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
    expect(readUserSettings({ AT_DATASTORE: "/a" }).datastore).toBe("/a")
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
