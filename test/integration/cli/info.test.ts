import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import type { WebSeedFault } from "../../../testbed/web-seed.js"
import { jsonLines } from "./command.js"
import { Stage } from "./stage.js"

const KEYS = [
  "name",
  "kind",
  "infoHash",
  "infoHashV2",
  "length",
  "pieceLength",
  "pieceCount",
  "private",
  "files",
  "trackers",
  "webSeeds",
  "comment",
  "createdBy",
  "creationDate",
]

describe("info --json", () => {
  it("of a .torrent file tells all that is promised, without network", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish(
      "study",
      { "a.csv": 100_000, "sub/b.bin": 70_000, "sub/empty": 0 },
      {
        create: {
          pieceLength: 32_768,
          padding: true,
          private: true,
          comment: "a remark",
          trackers: [["http://t1.example/announce", "udp://t2.example:80"], ["http://t3.example/announce"]],
          webSeeds: ["http://w.example/"],
        },
      },
    )
    const { stdout, stderr } = await stage.run(["info", "--json", stage.torrentFile(dataset)])
    expect(stdout.split("\n").length).toBe(2)
    const info = JSON.parse(stdout) as Record<string, unknown>
    expect(Object.keys(info)).toEqual(KEYS)
    expect(info).toEqual({
      name: "study",
      kind: "folder",
      infoHash: dataset.infoHash,
      infoHashV2: null,
      length: 170_000,
      pieceLength: 32_768,
      pieceCount: 7,
      private: true,
      files: [
        { path: "a.csv", length: 100_000 },
        { path: "sub/b.bin", length: 70_000 },
        { path: "sub/empty", length: 0 },
      ],
      trackers: [["http://t1.example/announce", "udp://t2.example:80"], ["http://t3.example/announce"]],
      webSeeds: ["http://w.example/"],
      comment: "a remark",
      createdBy: null,
      creationDate: null,
    })
    expect(stderr).toBe("")
    expect(stage.traffic).toBe(0)
    expect((await stage.run(["info", "--json", "--offline", stage.torrentFile(dataset)])).stdout).toBe(stdout)
  })

  it("with --scrape tells what each tracker knows, too", async () => {
    await using stage = await Stage.open()
    const trackers = [[stage.testbed.tracker.httpUrl, "http://127.0.0.1:9/announce"]]
    const dataset = await stage.publish("study", { "a.csv": 2000 }, { create: { trackers }, seeders: [{}] })
    const { stdout } = await stage.run(["info", "--json", "--scrape", stage.torrentFile(dataset)])
    const { swarm, webSeedStates, ...rest } = JSON.parse(stdout) as { swarm: object[]; webSeedStates: object[] }
    expect(Object.keys(rest)).toEqual(KEYS)
    expect(webSeedStates).toEqual([])
    expect(swarm).toEqual([
      { tracker: stage.testbed.tracker.httpUrl, seeds: 1, leechers: 0, downloads: 0 },
      { tracker: "http://127.0.0.1:9/announce", message: expect.stringContaining("ECONNREFUSED") },
    ])
    expect(stage.testbed.tracker.announces).toEqual([])
  })

  it("with --scrape tells which web seeds have the first of the files that are chosen, and why not", async () => {
    await using stage = await Stage.open()
    const faults: WebSeedFault[] = [{ kind: "status", status: 404 }, { kind: "no-ranges" }]
    const dataset = await stage.publish(
      "study",
      { "a.bin": 2000, "b.csv": 0, "c d.csv": 3000 },
      { webSeeds: [{}, ...faults.map((fault) => ({ fault: () => fault }))] },
    )
    const [good, missing, whole] = dataset.webSeedUrls
    const args = ["info", dataset.infoHash, "--include", "*.csv", "--url", "http://127.0.0.1:9/"]
    const { stdout } = await stage.run([...args, "--json", "--scrape"])
    const { webSeeds, webSeedStates } = JSON.parse(stdout) as { webSeeds: string[]; webSeedStates: object[] }
    expect(webSeeds).toEqual(dataset.webSeedUrls)
    expect(webSeedStates).toEqual([
      { url: "http://127.0.0.1:9/", message: expect.stringMatching(/^c d\.csv: no answer from 127\.0\.0\.1:9/) },
      { url: good, file: "c d.csv", ranges: true },
      { url: missing, message: "c d.csv: it answered 404" },
      { url: whole, file: "c d.csv", ranges: false },
    ])
    const text = (await stage.run(args)).stdout.replaceAll(/ {2,}/g, " ")
    expect(text).toContain(`web seed ${good}: has c d.csv\n`)
    expect(text).toContain(`web seed ${missing}: c d.csv: it answered 404\n`)
    expect(text).toContain(`web seed ${whole}: has c d.csv, but sends only whole files\n`)
    // A byte each time, however large the file is.
    expect(dataset.webSeeds[0]!.requests.map(({ start, end }) => [start, end])).toEqual([
      [0, 1],
      [0, 1],
    ])
  })

  it("does not ask the torrent's web seeds with --no-webseed", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 2000, { webSeeds: [{}, {}] })
    const [first, second] = dataset.webSeedUrls
    const args = ["info", dataset.infoHash, "--no-webseed", "--url", second!]
    expect((await stage.run(args)).stdout).toContain(`web seed    ${second}: has one.bin\nweb seed    ${first}\n`)
    expect(dataset.webSeeds.map(({ requests }) => requests.length)).toEqual([0, 1])
  })

  it.for<[string, readonly string[], NodeJS.ProcessEnv]>([
    ["--offline", ["--offline"], {}],
    ["AT_OFFLINE", [], { AT_OFFLINE: "1" }],
  ])("with %s asks nobody, and says so of each tracker and web seed", async ([, flags, env]) => {
    await using stage = await Stage.open()
    const trackers = [[stage.testbed.tracker.httpUrl]]
    const published = { create: { trackers }, seeders: [{}], webSeeds: [{}] }
    const dataset = await stage.publish("study", { "a.csv": 2000 }, published)
    const url = dataset.webSeedUrls[0]!
    const args = ["info", stage.torrentFile(dataset), "--url", url, ...flags]
    const { stdout } = await stage.run([...args, "--json", "--scrape"], { env })
    expect(JSON.parse(stdout)).toMatchObject({
      swarm: [{ tracker: stage.testbed.tracker.httpUrl, message: "not asked: offline" }],
      webSeedStates: [{ url, message: "not asked: offline" }],
    })
    const text = (await stage.run(args, { env })).stdout
    for (const asked of [stage.testbed.tracker.httpUrl, url]) expect(text).toContain(`${asked}: not asked: offline\n`)
    expect([stage.traffic, dataset.webSeeds[0]!.requests.length]).toEqual([0, 0])
  })

  it("shows no passkeys, as info for people does not", async () => {
    await using stage = await Stage.open()
    const trackers = [["http://127.0.0.1:9/announce.php?passkey=hunter2"]]
    const webSeeds = ["http://ada:hunter2@127.0.0.1:9/?token=hunter2"]
    const dataset = await stage.publish("study", { "a.csv": 2000 }, { create: { trackers, webSeeds } })
    const { stdout } = await stage.run(["info", "--json", "--scrape", stage.torrentFile(dataset)])
    expect(JSON.parse(stdout)).toMatchObject({
      trackers: [["http://127.0.0.1:9/announce.php?passkey=***"]],
      webSeeds: ["http://***@127.0.0.1:9/?token=***"],
      webSeedStates: [{ url: "http://***@127.0.0.1:9/?token=***" }],
      swarm: [{ tracker: "http://127.0.0.1:9/announce.php?passkey=***" }],
    })
    expect(stdout).not.toContain("hunter2")
    expect((await stage.run(["info", stage.torrentFile(dataset)])).stdout).not.toContain("hunter2")
  })

  it("of a single file names it by itself", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const { infoHash } = await stage.publish("one.bin", 5000)
    expect(JSON.parse((await stage.run(["info", "--json", infoHash])).stdout)).toMatchObject({
      kind: "file",
      name: "one.bin",
      private: false,
      files: [{ path: "one.bin", length: 5000 }],
      trackers: [],
      webSeeds: [],
      createdBy: "testbed",
    })
  })

  it("is one object also when the metadata comes from peers", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 5000)
    const seed = ["seed", stage.torrentFile(dataset), "--data", dataset.source, "--port", "0", "--no-tracker", "--json"]
    const giver = stage.start(seed)
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
    stage.testbed.site.remove(dataset.infoHash)
    const args = ["info", dataset.infoHash, "--json", "--peer", `127.0.0.1:${String(port)}`]
    const objects = jsonLines((await stage.run(args)).stdout)
    expect(objects).toHaveLength(1)
    expect(objects[0]).toMatchObject({ name: "one.bin", infoHash: dataset.infoHash })
  })

  it("names files as they lie on disk when the torrent's names are not safe", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", { "a.csv": 40_000 }, { create: { name: "../evil" }, seeders: [{}] })
    const { name } = JSON.parse((await stage.run(["info", "--json", dataset.infoHash])).stdout) as { name: string }
    expect(name).not.toMatch(/[/\\]/)
    const { stdout } = await stage.run(["get", dataset.infoHash])
    expect(stdout).toBe(`${stage.stored(name)}\n`)
  })
})

describe("info --include --exclude", () => {
  const FILES = { "a.csv": 100_000, "data/b.csv": 70_000, "data/c.csv": 3, "data/d.bin": 50_000 }
  const CHOICE = ["--include", "*.csv", "--exclude", "data/c*"]

  it("tells what a get with the same options fetches", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: { padding: true }, seeders: [{}] })
    const { stdout } = await stage.run(["info", dataset.infoHash, ...CHOICE])
    expect(stdout).toMatch(/^size +215 KiB \(220003 bytes\)$/m)
    expect(stdout).toMatch(/^chosen +166 KiB \(170000 bytes\), 2 of 4 files$/m)
    expect(stdout.slice(stdout.indexOf("\n\n") + 2)).toBe("2 of 4 files:\n  97.7 KiB  a.csv\n  68.4 KiB  data/b.csv\n")

    await stage.run(["get", dataset.infoHash, ...CHOICE])
    const there = Object.keys(FILES).filter((path) => existsSync(stage.stored("study", path)))
    expect(there).toEqual(["a.csv", "data/b.csv"])
  })

  it("in JSON adds the choice, and leaves all else as it is", async () => {
    await using stage = await Stage.open()
    const file = stage.torrentFile(await stage.publish("study", FILES))
    const whole = JSON.parse((await stage.run(["info", "--json", file])).stdout) as object
    const { stdout } = await stage.run(["info", "--json", file, ...CHOICE])
    expect(JSON.parse(stdout)).toEqual({
      ...whole,
      chosen: {
        length: 170_000,
        files: [
          { path: "a.csv", length: 100_000 },
          { path: "data/b.csv", length: 70_000 },
        ],
      },
    })
  })

  it("counts what a magnet link selects, and what is chosen besides", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await stage.publish("study", FILES)
    const link = `magnet:?xt=urn:btih:${infoHash}&so=1-2`
    const chosen = async (...options: string[]): Promise<unknown> =>
      JSON.parse((await stage.run(["info", "--json", link, ...options])).stdout)
    expect(await chosen()).toMatchObject({ chosen: { length: 70_003 } })
    expect(await chosen("--exclude", "c.csv")).toMatchObject({ chosen: { length: 70_000 } })
    expect(await chosen("--include", "*")).toMatchObject({ chosen: { length: 220_003 } })
  })

  it("when nothing matches, ends as get does", async () => {
    await using stage = await Stage.open()
    const file = stage.torrentFile(await stage.publish("study", FILES))
    const ends = async (command: string): Promise<object> => {
      const { stdout, code } = await stage.run([command, file, "--json", "--include", "*.parquet"], { exits: 2 })
      return { code, stdout: stdout.split("\n").at(-2) }
    }
    const ending = await ends("info")
    expect(ending).toEqual(await ends("get"))
    expect(JSON.stringify(ending)).toContain("no file of the dataset matches *.parquet")
  })
})

describe("info for people", () => {
  it("tells what it is and who has it", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", { "a.csv": 2_000_000, "b.bin": 10 }, { seeders: [{}], webSeeds: [{}] })
    const { stdout } = await stage.run(["info", dataset.infoHash])
    for (const text of [
      "study",
      dataset.infoHash,
      "1.9 MiB",
      "2000010 bytes",
      "a.csv",
      "b.bin",
      dataset.webSeedUrls[0]!,
    ]) {
      expect(stdout).toContain(text)
    }
    expect(stdout).toContain(`${stage.testbed.tracker.httpUrl}: 1 have all of it, 0 are downloading`)
    expect(stage.testbed.tracker.announces).toEqual([])
  })

  it("of an infohash tells what the service has now, or else that it shows the copy kept here", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 5000, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    const asked = await stage.run(["info", dataset.infoHash])
    expect(asked.stdout).toContain("downloaded 2 times")
    expect(asked.stderr).not.toContain("kept")
    stage.testbed.site.remove(dataset.infoHash)
    const { stdout, stderr } = await stage.run(["info", dataset.infoHash])
    expect(stdout).toContain("downloaded 2 times")
    expect(stderr).toMatch(/this is the copy kept on this machine: there is no such dataset at http/)
  })

  it("waits little for a dead tracker, and says so", async () => {
    await using stage = await Stage.open({ tracker: { knobs: { answer: "error" } } })
    const dataset = await stage.publish("study", { "a.csv": 2000 })
    const { stdout } = await stage.run(["info", dataset.infoHash])
    expect(stdout).toMatch(/tracker +http.*: .*500/)
  })

  it("shows no control characters that a torrent brings", async () => {
    await using stage = await Stage.open()
    const create = { comment: "red \x1b[31malert\x07", name: "stu\x1bdy" }
    const dataset = await stage.publish("study", { "a.csv": 2000 }, { create })
    const { stdout } = await stage.run(["info", stage.torrentFile(dataset)])
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
  })
})
