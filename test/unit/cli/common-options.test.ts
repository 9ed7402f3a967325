import { Command } from "commander"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { addPlace, addSources, type CommonFlags, toOptions } from "../../../src/cli/common-options.js"
import { Console } from "../../../src/cli/console.js"
import { checkOptions } from "../../../src/dataset/check-options.js"
import type { Options } from "../../../src/dataset/options.js"
import { AtError } from "../../../src/errors.js"

const signal = new AbortController().signal
const toLibrary = (flags: CommonFlags): Options => toOptions(flags, new Console({ quiet: true }), signal)

/** Digits of any number, with and without a unit, and anything else. */
const value = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "1",
    "10M",
    "30s",
    "70000",
    "192.168.1.1",
    "::1",
    "fritz.box",
    "prefer",
    "http://a.example/",
  ),
  fc.stringMatching(/^\d{1,400}(ms|s|m|h|d|k|M|G|T|)$/),
  fc.string(),
)

/** One at a time: of several, the first that is refused hides the rest. */
const flags: fc.Arbitrary<CommonFlags> = fc.oneof(
  fc
    .constantFrom(
      ...(["datastore", "port", "router", "maxDownload", "maxUpload"] as const),
      ...(["encryption", "maxConnections", "timeout"] as const),
    )
    .chain((name) => value.map((text) => ({ [name]: text }))),
  fc
    .constantFrom("include", "exclude", "url", "peer")
    .chain((name) => fc.array(value).map((several) => ({ [name]: several }))),
)

describe("options of a command", () => {
  it.each<[line: string, Options]>([
    ["", { trackers: true, webSeeds: true, pex: true, dht: true, utp: true, lsd: undefined, offline: undefined }],
    ["-o dir --include a --include b --exclude c", { datastore: "dir", include: ["a", "b"], exclude: ["c"] }],
    ["--url http://a.example/ --peer 192.0.2.1:7", { urls: ["http://a.example/"], peers: ["192.0.2.1:7"] }],
    ["--no-tracker --no-webseed --no-pex", { trackers: false, webSeeds: false, pex: false }],
    ["--no-dht --no-lsd --no-utp --offline", { dht: false, lsd: false, utp: false, offline: true }],
    ["--port 7 --map-port", { port: 7, mapPort: true }],
    ["--router 192.168.1.1 --encryption require", { mapPort: "192.168.1.1", encryption: "require" }],
    ["--max-download 2k --max-upload 1k", { maxDownload: 2048, maxUpload: 1024 }],
    ["--max-connections 9 --timeout 2m", { maxConnections: 9, timeout: 120_000 }],
  ])("mean for the library what they say: %s", (line, options) => {
    const command = addSources(addPlace(new Command()))
    command.parse(line.split(" ").filter(Boolean), { from: "user" })
    expect(toLibrary(command.opts())).toMatchObject(options)
  })

  it("name no datastore by a variable that is not set", () => {
    expect(() => toLibrary({ datastore: "" })).toThrow("--datastore is empty")
  })

  it("that the command takes, the library takes: who typed flags hears of flags", () => {
    fc.assert(
      fc.property(flags, (given) => {
        let options: Options
        try {
          options = toLibrary(given)
        } catch (error) {
          expect(error).toBeInstanceOf(AtError)
          expect(error).toMatchObject({ code: "AT_INVALID_INPUT" })
          return
        }
        checkOptions(options)
      }),
      { numRuns: 1000 },
    )
  })

  it.each<[keyof CommonFlags, string]>([
    ["router", ""],
    ["router", "fritz.box"],
    ["router", "::1"],
  ])("are refused by the command itself: %s as %j", (name, text) => {
    expect(() => toLibrary({ [name]: text })).toThrow(expect.objectContaining({ code: "AT_INVALID_INPUT" }))
  })

  it("say where the router is, or that it is looked for", () => {
    expect(toLibrary({ mapPort: true, router: "192.168.1.1" })).toMatchObject({ mapPort: "192.168.1.1" })
    expect(toLibrary({ mapPort: true })).toMatchObject({ mapPort: true })
    expect(toLibrary({}).mapPort).toBeUndefined()
  })
})
