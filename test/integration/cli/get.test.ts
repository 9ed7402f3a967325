import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { startWebSeed } from "../../../testbed/web-seed.js"
import { differences } from "../../support/trees.js"
import { jsonLines } from "./command.js"
import { changeUnseen, disposable, flipByte, Stage, sameFile } from "./stage.js"

const FILES = {
  "README.md": 20,
  "data/one.csv": 300_000,
  "data/two.csv": 70_001,
  "data/three.bin": 500_000,
  "z/empty": 0,
}
/** Small pieces, so that most files share one with their neighbours. */
const CREATE = { pieceLength: 32_768 }

describe("get", () => {
  it("brings the dataset from peers and web seeds and prints its path alone", async () => {
    await using stage = await Stage.open()
    const rate = 400_000
    const dataset = await stage.publish("study", FILES, {
      create: CREATE,
      seeders: [{ rate }, { rate }],
      webSeeds: [{ rate }],
    })
    const { stdout } = await stage.run([dataset.infoHash, "-v"], { program: "at-get" })
    expect(stdout).toBe(`${stage.stored("study")}\n`)
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    expect(readdirSync(stage.datastore).sort()).toEqual([".academictorrents", "study"])
  })

  it("puts it where -o says, created if need be, relative to where one is", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    const { stdout } = await stage.run(["get", "-o", "deep/down", dataset.infoHash], { cwd: stage.home })
    expect(stdout).toBe(`${join(stage.home, "deep/down/one.bin")}\n`)
    expect(sameFile(join(stage.home, "deep/down/one.bin"), dataset.source)).toBe(true)
  })

  it("goes by AT_DATASTORE, else ~/.academictorrents.config, else ~/.academictorrents-datastore", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 5000, { seeders: [{}] })
    const get = async (datastore?: string): Promise<string> =>
      (await stage.run(["get", dataset.infoHash], { env: { AT_DATASTORE: datastore } })).stdout.trimEnd()
    expect(await get(stage.beside("elsewhere"))).toBe(stage.beside("elsewhere/one.bin"))
    expect(await get()).toBe(join(stage.home, ".academictorrents-datastore/one.bin"))
    writeFileSync(
      join(stage.home, ".academictorrents.config"),
      JSON.stringify({ datastore: stage.beside("configured") }),
    )
    expect(await get()).toBe(stage.beside("configured/one.bin"))
    expect(await get(stage.beside("elsewhere"))).toBe(stage.beside("elsewhere/one.bin"))
    writeFileSync(join(stage.home, ".academictorrents.config"), "datastore = x")
    const { stderr } = await stage.run(["get", dataset.infoHash], { env: { AT_DATASTORE: undefined }, exits: 2 })
    expect(stderr).toContain(join(stage.home, ".academictorrents.config"))
    await stage.run(["get", dataset.infoHash, "-o", stage.beside("named")], { env: { AT_DATASTORE: undefined } })
  })

  it("obeys the umask", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash], { through: ["sh", "-c", 'umask 027; exec "$@"', "sh"] })
    const mode = (...path: string[]): string => (statSync(stage.stored(...path)).mode & 0o777).toString(8)
    expect([mode("study"), mode("study/data"), mode("study/README.md")]).toEqual(["750", "750", "640"])
  })

  it("uses web seeds and peers that only the user names", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("study", FILES, { seeders: [{}], announced: false })
    await stage.run(["get", dataset.infoHash, "--peer", dataset.seeders[0]!.address])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    await using webSeed = disposable(await startWebSeed({ mounts: { study: dataset.source } }))
    rmSync(stage.datastore, { recursive: true })
    await stage.run(["get", dataset.infoHash, "--url", `${webSeed.url}/`])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })

  it("leaves out trackers and web seeds when told to, and accepts the switches of what comes later", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}], webSeeds: [{}] })
    const later = ["--no-dht", "--no-lsd", "--no-pex"]
    await stage.run(["get", dataset.infoHash, "--no-tracker", ...later])
    expect(stage.testbed.tracker.announces).toEqual([])
    expect(dataset.seeders[0]!.peers).toEqual([])
    rmSync(stage.datastore, { recursive: true })
    const served = dataset.webSeeds[0]!.bytesServed
    await stage.run(["get", dataset.infoHash, "--no-webseed", "--port", "0"])
    expect(dataset.webSeeds[0]!.bytesServed).toBe(served)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("announces started, completed and stopped", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    const { announces } = stage.testbed.tracker
    expect(announces.map(({ event }) => event)).toEqual(["started", "completed", "stopped"])
    expect(announces.map(({ left }) => left)).toEqual([100_000, 0, 0])
    expect(new Set(announces.map(({ peerId, key }) => `${peerId} ${key}`)).size).toBe(1)
  })

  it("works with a UDP tracker", async () => {
    await using stage = await Stage.open({ announce: "udp" })
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("keeps to --max-download", async () => {
    await using stage = await Stage.open()
    for (const sources of [{ seeders: [{}] }, { webSeeds: [{}] }]) {
      const dataset = await stage.publish("one.bin", 2_500_000, { create: CREATE, ...sources })
      const started = performance.now()
      await stage.run(["get", dataset.infoHash, "--max-download", "1M"])
      const seconds = (performance.now() - started) / 1000
      // 2.4 MiB at 1 MiB/s; a second's worth may come at once.
      expect(seconds).toBeGreaterThan(1.3)
      rmSync(stage.datastore, { recursive: true })
    }
  })

  it("accepts --max-upload, --sync and sizes as users write them", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash, "--sync", "--max-upload", "1.5M", "--max-download", "512MiB/s"])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })
})

describe("get when the data is there", () => {
  it("returns at once and asks nobody", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}], webSeeds: [{}] })
    await stage.run(["get", dataset.infoHash])
    const asked = stage.traffic + dataset.seeders[0]!.peers.length + dataset.webSeeds[0]!.connections
    const { stdout } = await stage.run(["get", dataset.infoHash])
    expect(stdout).toBe(`${stage.stored("study")}\n`)
    expect(stage.traffic + dataset.seeders[0]!.peers.length + dataset.webSeeds[0]!.connections).toBe(asked)
  })

  it("finds it however it is named, without its .torrent, and says what it always says", async () => {
    await using stage = await Stage.open()
    for (const [name, files] of [
      ["study", FILES],
      ["one.bin", 70_000],
    ] as const) {
      const dataset = await stage.publish(name, files, { create: CREATE, seeders: [{}] })
      const first = await stage.run(["get", dataset.infoHash, "--json"])
      const torrent = stage.beside(`${name}.torrent`)
      renameSync(stage.stored(".academictorrents", dataset.infoHash, "dataset.torrent"), torrent)
      rmSync(join(stage.home, ".cache"), { recursive: true })
      for (const target of [dataset.infoHash, `magnet:?xt=urn:btih:${dataset.infoHash}`, torrent]) {
        const { stdout, stderr } = await stage.run(["get", target, "--offline"])
        expect(stdout).toBe(`${stage.stored(name)}\n`)
        expect(stderr).toContain("were on disk already and are verified")
      }
      const { stdout } = await stage.run(["get", dataset.infoHash, "--offline", "--json"])
      const [was, is] = [first.stdout, stdout].map((text) => jsonLines(text).slice(-2))
      expect(is?.[1]).toEqual({ type: "done", path: stage.stored(name) })
      const { totalBytes, totalPieces, infoHash } = was![0]!
      const complete = { state: "complete", totalBytes, doneBytes: totalBytes, totalPieces, donePieces: totalPieces }
      expect(is?.[0]).toMatchObject({ type: "progress", name, infoHash, ...complete, fromPeers: 0 })
      // What needs more than to look at the files is not done without it.
      for (const more of [["--verify"], ["--include", "*"], ["--exclude", "x"], ["--stats"], ["--sync"], ["--seed"]]) {
        await stage.run(["get", dataset.infoHash, "--offline", ...more], { exits: 3 })
      }
    }
  })

  it("believes nothing that it reaches through a link", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    for (const place of [".academictorrents", join(".academictorrents", dataset.infoHash)]) {
      renameSync(stage.stored(place), stage.beside("moved"))
      symlinkSync(stage.beside("moved"), stage.stored(place))
      const { stdout } = await stage.run(["get", dataset.infoHash, "--json"], { exits: 7 })
      expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "error", code: "AT_UNSAFE_PATH" })
      rmSync(stage.stored(place))
      renameSync(stage.beside("moved"), stage.stored(place))
    }
  })

  it("takes over what lies there without a journal", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    mkdirSync(stage.datastore)
    cpSync(dataset.source, stage.stored("study"), { recursive: true })
    await stage.run(["get", dataset.infoHash])
    expect(dataset.seeders[0]!.bytesServed).toBe(0)
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })

  it("takes over half of it without a journal and fetches the rest", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    mkdirSync(stage.stored("study/data"), { recursive: true })
    cpSync(join(dataset.source, "data/three.bin"), stage.stored("study/data/three.bin"))
    await stage.run(["get", dataset.infoHash])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    // Two pieces at most are shared with neighbours.
    expect(dataset.seeders[0]!.bytesServed).toBeLessThanOrEqual(20 + 300_000 + 70_001 + 2 * 32_768)
  })

  it("fetches a file again that was changed or removed since, and nothing else", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    const before = dataset.seeders[0]!.bytesServed
    rmSync(stage.stored("study/README.md"))
    flipByte(stage.stored("study/data/three.bin"), 250_000)
    await stage.run(["get", dataset.infoHash])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    expect(dataset.seeders[0]!.bytesServed - before).toBeLessThanOrEqual(2 * 32_768)
  })

  it("looks at every byte with --verify, when the stamps hide a change", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 200_000, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    const path = stage.stored("one.bin")
    changeUnseen(path, 100_000)
    expect(sameFile(path, dataset.source)).toBe(false)
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(path, dataset.source)).toBe(false)
    await stage.run(["get", "--verify", dataset.infoHash])
    expect(sameFile(path, dataset.source)).toBe(true)
  })

  it("needs no network with --offline or AT_OFFLINE", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash, "--offline"], { exits: 3 })
    expect(stage.traffic).toBe(0)
    await stage.run(["get", dataset.infoHash, "--include", "README.md"])
    const asked = stage.traffic
    await stage.run(["get", dataset.infoHash, "--include", "README.md", "--offline"])
    await stage.run(["get", dataset.infoHash, "--include", "README.md"], { env: { AT_OFFLINE: "1" } })
    const { stdout } = await stage.run(["get", dataset.infoHash, "--offline", "--json"], { exits: 4 })
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "error", code: "AT_NO_SOURCES" })
    expect(stage.traffic).toBe(asked)
  })
})

describe("get of chosen files", () => {
  it("brings just these, and creates no neighbour that shares a piece", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash, "--include", "*.csv", "--exclude", "data/one*"])
    expect(readdirSync(stage.stored("study"), { recursive: true }).sort()).toEqual(["data", "data/two.csv"])
    expect(sameFile(stage.stored("study/data/two.csv"), join(dataset.source, "data/two.csv"))).toBe(true)
    expect(dataset.seeders[0]!.bytesServed).toBeLessThanOrEqual(70_001 + 2 * 32_768)
  })

  it("brings more of them later, without fetching anything again", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    await stage.run(["get", dataset.infoHash, "--include", "data/two.csv"])
    await stage.run(["get", dataset.infoHash, "--include", "README.md", "--include", "z/**"])
    expect(readdirSync(stage.stored("study"), { recursive: true }).sort()).toEqual([
      "README.md",
      "data",
      "data/two.csv",
      "z",
      "z/empty",
    ])
    await stage.run(["get", dataset.infoHash])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    expect(Math.max(...dataset.seeders[0]!.blocksServed)).toBe(1)
  })

  it("is 2 when one of the patterns matches no file, and nothing is downloaded", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    const refused = async (...choice: string[]): Promise<string> => {
      const { stderr } = await stage.run(["get", dataset.infoHash, ...choice], { exits: 2 })
      expect(existsSync(stage.stored("study"))).toBe(false)
      return stderr
    }
    expect(await refused("--include", "README.md", "--include", "data/typo.csv", "--include", "*.parquet")).toBe(
      "error: no file of the dataset matches data/typo.csv, *.parquet\n" +
        "what to do: compare with what academictorrents info TARGET --files lists\n",
    )
    expect(await refused("--exclude", "data/typo.csv")).toContain("no file of the dataset matches data/typo.csv")
    expect(await refused("--include", "data", "--exclude", "*.csv", "--exclude", "*.bin")).toContain(
      "all files that match data are excluded by *.csv, *.bin",
    )
  })

  it("says which glob excludes nothing, and goes on", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    const choice = ["--exclude", "*.tmp", "--exclude", "*.csv"]
    for (const command of ["info", "get", "verify"]) {
      const { stderr } = await stage.run([command, dataset.infoHash, ...choice])
      expect(stderr.match(/^--exclude .*/gm)).toEqual(["--exclude *.tmp matches no file of the dataset"])
    }
    expect(readdirSync(stage.stored("study", "data"))).toEqual(["three.bin"])
  })
})

describe("get --seed", () => {
  it("gives for --seed-time and then ends well", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    const started = performance.now()
    const { stdout, stderr } = await stage.run(["get", dataset.infoHash, "--seed", "--seed-time", "1s"])
    expect(stderr).toMatch(/^sharing .*one\.bin for 1 s$/m)
    expect(stdout).toBe(`${stage.stored("one.bin")}\n`)
    expect(performance.now() - started).toBeGreaterThan(1000)
  })

  it("prints the path before it gives, so that who stops it has it", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    const giver = stage.start(["get", dataset.infoHash, "--seed"])
    await giver.until("the path is there", () => giver.stdout !== "")
    giver.signal("SIGINT")
    expect((await giver.exits(130)).stdout).toBe(`${stage.stored("one.bin")}\n`)
    const teller = stage.start(["get", dataset.infoHash, "--seed", "--json", "-q"])
    await teller.until("it says so", () => teller.stdout !== "")
    teller.signal("SIGINT")
    expect(jsonLines((await teller.exits(130)).stdout)).toMatchObject([
      { type: "seeding", path: stage.stored("one.bin"), port: expect.any(Number) },
      { type: "error", code: "AT_ABORTED" },
    ])
  })

  it("gives until --seed-ratio is reached: another of us gets it all", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: CREATE, seeders: [{}] })
    const giver = stage.start(["get", dataset.infoHash, "--seed", "--seed-ratio", "1"])
    const { port } = await stage.announced(giver, "completed")
    await dataset.seeders[0]!.close()
    const other = stage.beside("other")
    await stage.run(["get", dataset.infoHash, "-o", other, "--no-tracker", "--peer", `127.0.0.1:${port}`])
    expect(await differences(dataset.source, join(other, "study"))).toEqual([])
    const { stdout } = await giver.exits(0)
    expect(stdout).toBe(`${stage.stored("study")}\n`)
  })
})
