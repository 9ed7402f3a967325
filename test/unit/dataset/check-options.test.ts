import { describe, expect, it, vi } from "vitest"
import { checkCreateOptions, checkOptions, checkTarget } from "../../../src/dataset/check-options.js"
import { create } from "../../../src/dataset/create.js"
import { Dataset } from "../../../src/dataset/dataset.js"
import { get } from "../../../src/dataset/get.js"

const HASH = "323a0048d87ca79b68f12a6350a57776b6a3b7fb"

/** AT_INVALID_INPUT, with a hint that names the option. */
const about = (option: string) =>
  expect.objectContaining({ code: "AT_INVALID_INPUT", hint: expect.stringContaining(option) })

describe("options", () => {
  it("of the right types pass, and so do those that are undefined", () => {
    checkOptions({})
    checkOptions({
      ...{
        datastore: "/d",
        data: undefined,
        include: ["*"],
        exclude: [],
        urls: ["https://a.example/"],
        peers: ["h:1"],
      },
      ...{ verify: "auto", signal: new AbortController().signal, onProgress: () => {}, maxDownload: 1, maxUpload: 0.5 },
      ...{ offline: false, seed: true, port: 0, trackers: true, webSeeds: false, timeout: 1, sync: true },
      ...{ encryption: "require", overwrite: undefined, site: "http://127.0.0.1:80", log: { log() {} } },
    })
    checkCreateOptions({
      ...{ output: "x.torrent", trackers: [["udp://t.example:80"], ["https://t.example/announce"]], urls: [] },
      ...{ pieceLength: 16_384, private: true, comment: "", overwrite: true },
    })
  })

  it.each([
    ["datastore", 5],
    ["data", ["a"]],
    ["data", ""],
    ["include", "*.csv"],
    ["exclude", [1]],
    ["urls", "https://a.example/"],
    ["urls", ["zz"]],
    ["urls", ["ftp://a.example/"]],
    ["peers", "127.0.0.1:1"],
    ["verify", "never"],
    ["encryption", "yes"],
    ["encryption", true],
    ["signal", {}],
    ["onProgress", 1],
    ["maxDownload", "10M"],
    ["maxDownload", 0],
    ["maxUpload", Number.NaN],
    ["timeout", Number.POSITIVE_INFINITY],
    ["timeout", -1],
    ["port", 65_536],
    ["port", 1.5],
    ["seed", "yes"],
    ["trackers", [["http://t.example"]]],
    ["site", "foo"],
    ["site", null],
    ["log", () => {}],
    ["maxDonwload", 1],
    ["toString", 1],
  ])("are refused by name: %s as %j", (option, value) => {
    expect(() => checkOptions({ [option]: value })).toThrow(about(option))
  })

  it.each([
    ["output", undefined],
    ["output", ""],
    ["trackers", ["http://t.example"]],
    ["trackers", [["foo"]]],
    ["trackers", [["wss://t.example"]]],
    ["urls", ["foo"]],
    ["pieceLength", "32K"],
    ["datastore", "/d"],
  ])("of create are refused by name: %s as %j", (option, value) => {
    expect(() => checkCreateOptions({ output: "x.torrent", [option]: value })).toThrow(about(option))
  })

  it("must be an object, and a target a string", () => {
    for (const options of [null, "x", 5, [], AbortSignal.abort()])
      expect(() => checkOptions(options)).toThrow(about("options"))
    expect(() => checkTarget(undefined)).toThrow(about("target"))
  })

  it("are checked by all calls that take them, and so is AT_SITE", async () => {
    await expect(Dataset.open(HASH, JSON.parse('{"port": "x"}'))).rejects.toEqual(about("port"))
    await expect(Dataset.open(JSON.parse("5"))).rejects.toEqual(about("target"))
    await expect(create(".", JSON.parse("{}"))).rejects.toEqual(about("output"))
    await expect(get(HASH, JSON.parse("null"))).rejects.toEqual(about("options"))
    vi.stubEnv("AT_SITE", "foo")
    await expect(Dataset.open(HASH)).rejects.toEqual(about("AT_SITE"))
    vi.unstubAllEnvs()
  })
})
