import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { jsonLines } from "./command.js"
import { Stage } from "./stage.js"

const HASH = "00112233445566778899aabbccddeeff00112233"
const COMMANDS = ["get", "info", "verify", "seed", "create"]

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open()
  // So that nothing but what a case is about is wrong with `create .`.
  writeFileSync(join(stage.folder, "data"), "data")
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

describe("wrong use", () => {
  const cases: Record<string, readonly string[]> = {
    "an unknown command": ["fetch", HASH],
    "an unknown option": ["get", "--frobnicate", HASH],
    "a missing target": ["get"],
    "one argument too many": ["get", HASH, HASH],
    "an option without its value": ["get", HASH, "--url"],
    "a malformed infohash": ["get", HASH.slice(1)],
    "an empty target": ["get", ""],
    "a word that names nothing": ["get", "123"],
    "an unknown kind of URL": ["get", "gopher://example.org/a.torrent"],
    "a magnet link without infohash": ["get", "magnet:?dn=nothing"],
    "a malformed rate": ["get", HASH, "--max-download", "fast"],
    "a malformed time": ["get", HASH, "--timeout", "soon"],
    "a malformed port": ["get", HASH, "--port", "70000"],
    "an unknown way to encrypt": ["get", HASH, "--encryption", "yes"],
    "a router that is no address": ["get", HASH, "--router", "fritz.box"],
    "get to no place": ["get", HASH, "-o", ""],
    "verify of no place": ["verify", HASH, "--data", ""],
    "seed from no place": ["seed", HASH, "--data", ""],
    "create of no file": ["create", ".", "-o", ""],
    "a malformed peer": ["get", HASH, "--peer", "nowhere"],
    "a web seed that is no URL": ["get", HASH, "--url", "nope"],
    "create with a tracker that is no URL": ["create", ".", "-o", "x.torrent", "--tracker", "foo"],
    "create with a web seed that is no URL": ["create", ".", "-o", "x.torrent", "--url", "foo"],
    "a malformed ratio": ["get", HASH, "--seed", "--seed-ratio", "lots"],
    "a limit of giving without --seed": ["get", HASH, "--seed-ratio", "2"],
    "a time of giving without --seed": ["get", HASH, "--seed-time", "1h"],
    "verify --overwrite without --repair": ["verify", HASH, "--overwrite"],
    "verify at two places": ["verify", HASH, "--data", "x", "-o", "y"],
    "seed from two places": ["seed", HASH, "--data", "x", "-o", "y"],
    "create without -o": ["create", "."],
    "create with a malformed piece length": ["create", ".", "-o", "x.torrent", "--piece-length", "20000"],
    "create of nothing": ["create", "absent", "-o", "x.torrent"],
    "a torrent of two versions": ["create", ".", "-o", "x.torrent", "--v2", "--hybrid"],
    "verify without a target": ["verify"],
    "info of a malformed target": ["info", "xyz://"],
    "seed of a malformed target": ["seed", "xyz://"],
  }

  it.for([HASH, `https://academictorrents.com/details/${HASH}`, `magnet:?xt=urn:btih:${HASH}`, "data.torrent"])(
    "says which command was left out before %s",
    async (target) => {
      const { stderr } = await stage.run([target], { exits: 2 })
      expect(stderr).toContain("what to do: to download a dataset: academictorrents get TARGET\n")
    },
  )

  it("says where the commands are listed after one that it does not know", async () => {
    expect((await stage.run(["fetch"], { exits: 2 })).stderr).toContain("what to do: see academictorrents --help\n")
  })

  it.for(Object.entries(cases))("is 2 for %s, with and without --json", async ([, args]) => {
    const wrong = { exits: 2, cwd: stage.folder }
    const plain = await stage.run(args, wrong)
    expect(plain.stdout).toBe("")
    expect(plain.stderr).toMatch(/error: ./)
    const json = await stage.run([...args.slice(0, 1), "--json", ...args.slice(1)], wrong)
    expect(jsonLines(json.stdout)).toEqual([
      {
        type: "error",
        code: "AT_INVALID_INPUT",
        message: expect.stringMatching(/./),
        hint: expect.stringMatching(/./),
      },
    ])
  })

  it("points to the help of the command that was used wrongly", async () => {
    expect((await stage.run(["get"], { exits: 2 })).stderr).toContain("see academictorrents get --help")
    expect((await stage.run(["fetch"], { exits: 2 })).stderr).toContain("see academictorrents --help")
    expect((await stage.run([], { program: "at-get", exits: 2 })).stderr).toContain("see at-get --help")
  })

  it("names options as they were typed", async () => {
    const url = await stage.run(["get", HASH, "--url", "ftp://example.org/x"], { exits: 2 })
    expect(url.stderr).toMatch(/error: --url: "ftp:.*\n.*give --url as a complete URL/)
    const tracker = await stage.run(["create", ".", "-o", "x.torrent", "--tracker", "foo"], { exits: 2 })
    expect(tracker.stderr).toMatch(/error: --tracker: "foo".*\n.*give --tracker as a complete URL/)
    const router = await stage.run(["get", HASH, "--router", "fritz.box"], { exits: 2 })
    expect(router.stderr).toMatch(/error: --router: "fritz.box" is not .*\n.*write an address/)
    for (const option of [
      "--port",
      "--timeout",
      "--max-download",
      "--max-upload",
      "--max-connections",
      "--encryption",
    ]) {
      const { stderr } = await stage.run(["get", HASH, option, "x?"], { exits: 2 })
      expect(stderr).toMatch(new RegExp(`^error: ${option}: "x\\?" is n.*\n.*write `))
    }
    const data = await stage.run(["seed", HASH, "--data", ""], { exits: 2 })
    expect(data.stderr).toMatch(/error: --data is empty\n/)
  })

  it("tells how long an infohash is", async () => {
    expect((await stage.run(["get", HASH.slice(1)], { exits: 2 })).stderr).toContain("an infohash has 40 hex digits")
  })

  it("is 2 without a command", async () => {
    await stage.run([], { exits: 2 })
  })

  it("is 2 for at-get without a target, or with a wrong option", async () => {
    await stage.run([], { program: "at-get", exits: 2 })
    await stage.run(["--wrong", HASH], { program: "at-get", exits: 2 })
    expect((await stage.run(["123"], { program: "at-get", exits: 2 })).stderr).toMatch(
      /"123" does not name a dataset.*\n.*infohash/,
    )
  })

  it("touches no network", () => {
    expect(stage.traffic).toBe(0)
  })
})

describe("help", () => {
  it.for(["-h", "--help"])("is on standard output with %s, and exit code 0", async (option) => {
    for (const args of [[option], ...COMMANDS.map((name) => [name, option])]) {
      const { stdout, stderr } = await stage.run(args)
      expect(stdout).toMatch(/^Usage: academictorrents/)
      expect(stderr).toBe("")
    }
  })

  it("of at-get speaks of at-get", async () => {
    const { stdout } = await stage.run(["-h"], { program: "at-get" })
    expect(stdout).toMatch(/^Usage: at-get \[/)
    expect(stdout).toContain("--datastore")
  })

  it("lists the options that mean the same everywhere", async () => {
    const options =
      "--datastore --include --exclude --url --peer --port --no-dht --no-lsd --no-pex --no-tracker --no-webseed --max-download --max-upload --seed --seed-ratio --seed-time --timeout --verify --sync --overwrite --offline --json --quiet --verbose"
    const { stdout } = await stage.run(["get", "--help"])
    for (const option of options.split(" ")) expect(stdout).toContain(option)
  })

  it("begins with a command's own options, and has the others under headings", async () => {
    for (const [command, own] of [
      ["get", "--seed"],
      ["info", "--files"],
      ["verify", "--repair"],
      ["seed", "--super-seed"],
    ] as const) {
      const { stdout } = await stage.run([command, "--help"])
      const parts = stdout.split(/^(?=\w+:$)/m).map((part) => part.split("\n", 1)[0])
      expect(parts.slice(1)).toEqual(["Arguments:", "Options:", "Files:", "Sources:", "Network:", "Limits:", "Output:"])
      expect(stdout.indexOf(own)).toBeLessThan(stdout.indexOf("Files:"))
    }
  })

  it("tells the version", async () => {
    for (const program of ["academictorrents", "at-get"] as const) {
      expect((await stage.run(["--version"], { program })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    }
  })
})
