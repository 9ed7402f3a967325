import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { differences } from "../../support/trees.js"
import { type Command, jsonLines, type Outcome } from "./command.js"
import { flipByte, Stage, sameFile, servedSince, wholePieces } from "./stage.js"
import { openVolume, readOnly, volumesMissing } from "./volume.js"

const missing = volumesMissing()
if (missing !== undefined) console.log(`cli: full and read-only file systems are not tried, for want of ${missing}`)

const errorOf = ({ stdout }: Outcome): Record<string, unknown> | undefined => jsonLines(stdout).at(-1)

describe("a datastore that can't be written to", () => {
  it("is 7 where a file or the system is in the way of the folder", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    writeFileSync(stage.beside("file"), "")
    for (const datastore of [stage.beside("file"), stage.beside("file/below"), "/proc/datasets"]) {
      const outcome = await stage.run(["get", dataset.infoHash, "--json", "-o", datastore], { exits: 7 })
      expect(errorOf(outcome)?.["code"]).toMatch(/^AT_(DISK_IO|EXISTS)$/)
      expect(errorOf(outcome)?.["message"]).toContain(datastore)
    }
  })

  it.skipIf(missing !== undefined)(
    "is 7 where the file system is read-only, and 0 when it is writable again",
    async () => {
      await using stage = await Stage.open()
      await using volume = await openVolume(stage.beside("volume"), "16m")
      const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
      const args = ["get", dataset.infoHash, "-o", volume.path]
      await volume.remount("ro")
      expect(errorOf(await stage.run([...args, "--json"], { exits: 7, through: volume.enter }))).toMatchObject({
        code: "AT_DISK_IO",
      })
      await volume.remount("rw")
      await stage.run(args, { through: volume.enter })
      expect(sameFile(volume.inside("one.bin"), dataset.source)).toBe(true)
    },
  )

  it.skipIf(missing !== undefined)("is no hindrance to a get of what is there", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "16m")
    const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    await stage.run(args, { through: volume.enter })
    await volume.remount("ro")
    await stage.run(["verify", dataset.infoHash, "-o", volume.path], { through: volume.enter })
    const asked = stage.traffic
    for (const way of [[], ["--verify"], ["--offline"]]) {
      const { stdout, stderr } = await stage.run([...args, ...way], { through: volume.enter })
      expect(stdout).toBe(`${volume.path}/one.bin\n`)
      expect(stderr).toMatch(/were on disk already/)
    }
    expect(stage.traffic).toBe(asked)
  })

  it.skipIf(missing !== undefined)("gives what is there, and is 7 for what is not, or no more", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "16m")
    const dataset = await stage.publish("tree", { "a.bin": 50_000, "b.bin": 70_000 }, { seeders: [{}] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    await stage.run([...args, "--include", "a.bin"], { through: volume.enter })
    await volume.remount("ro")
    await stage.run([...args, "--include", "a.bin"], { through: volume.enter })
    const message = expect.stringMatching(
      /^tree is not all there \(1 file missing .*\), .* can't be written to: .*read-only file system$/,
    ) as string
    for (const [way, exits, code] of [
      [[], 7, "AT_DISK_IO"],
      [["--offline"], 4, "AT_NO_SOURCES"],
    ] as const) {
      const outcome = await stage.run([...args, ...way, "--json"], { exits, through: volume.enter })
      expect(errorOf(outcome)).toMatchObject({ code, message })
    }
    const giving = stage.start(["seed", dataset.infoHash, "-o", volume.path], { through: volume.enter })
    await giving.until("it gives", () => giving.stderr.includes("sharing "))
    giving.signal("SIGTERM")
    await giving.exits(143)
    await volume.remount("rw")
    flipByte(volume.inside("tree/a.bin"), 7)
    await volume.remount("ro")
    await stage.run([...args, "--include", "a.bin"], { exits: 7, through: volume.enter })
  })
})

describe("a file system with limits", () => {
  it.skipIf(process.platform === "win32")("is 7 for a file that it finds too large, and says so", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("big.bin", 6_000_000, { seeders: [{}] })
    const through = ["sh", "-c", 'ulimit -f 4000 && exec "$@"', "sh"]
    expect(errorOf(await stage.run(["get", dataset.infoHash, "--json"], { exits: 7, through }))).toMatchObject({
      code: "AT_DISK_IO",
      message: expect.stringContaining("allows no file of this size") as string,
      hint: expect.stringContaining("another") as string,
    })
  })

  it("is 7 for a path that it finds too long, and says so", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    const datastore = join(stage.datastore, "x".repeat(300))
    const outcome = await stage.run(["get", dataset.infoHash, "--json", "-o", datastore], { exits: 7 })
    expect(errorOf(outcome)).toMatchObject({
      code: "AT_DISK_IO",
      message: expect.stringContaining("the name is too long") as string,
    })
  })
})

describe.skipIf(missing !== undefined)("a full disk", () => {
  it("is 6 for create, which names the file that was asked for and leaves none", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "1m")
    const { source } = await stage.publish("one.bin", 50_000)
    volume.fill()
    const path = join(volume.path, "x.torrent")
    const outcome = await stage.run(["create", source, "-o", path, "--json"], { exits: 6, through: volume.enter })
    expect(errorOf(outcome)).toMatchObject({
      code: "AT_DISK_FULL",
      message: expect.stringContaining(`${path}:`) as string,
    })
    expect(readdirSync(volume.inside())).toEqual(["filler"])
  })
})

describe.skipIf(missing !== undefined)("a full datastore", () => {
  it("is 6 before anything is fetched, naming what is needed and what is free", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "4m")
    const dataset = await stage.publish("big.bin", 6_000_000, { seeders: [{}] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    const error = errorOf(await stage.run([...args, "--json"], { exits: 6, through: volume.enter }))
    expect(error).toMatchObject({ type: "error", code: "AT_DISK_FULL" })
    expect(error?.["message"]).toContain(volume.path)
    expect(dataset.seeders[0]!.bytesServed).toBe(0)
  })

  it("is 6 when not even the lock can be written, which is about space, and nothing is left of that", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "1m")
    const dataset = await stage.publish("study", { "a.csv": 5000, "b.csv": 5000 }, { seeders: [{}] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    await stage.run([...args, "--include", "a.csv"], { through: volume.enter })
    volume.fill()
    const error = errorOf(await stage.run([...args, "--json"], { exits: 6, through: volume.enter }))
    expect(error).toMatchObject({ code: "AT_DISK_FULL", message: expect.stringMatching(/no space/) as string })
    const left = readdirSync(volume.inside(".academictorrents", dataset.infoHash))
    expect(left.filter((name) => name.startsWith("lock"))).toEqual([])
  })

  it("is 6 while running; with space again the same command goes on, and fetches nothing twice that was stored", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "24m")
    const create = { pieceLength: 65_536 }
    const dataset = await stage.publish("big.bin", 12_000_000, { create, seeders: [{ rate: 6_000_000 }] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    const command = stage.start([...args, "--json"], { through: volume.enter })
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 2_000_000)
    const filler = volume.fill()
    expect(errorOf(await command.exits(6))).toMatchObject({ type: "error", code: "AT_DISK_FULL" })
    expect(existsSync(volume.inside("big.bin"))).toBe(false)
    const kept = wholePieces(volume.inside("big.bin.part"), dataset)
    const before = dataset.seeders[0]!.blocksServed.slice()
    volume.remove(filler)
    dataset.seeders[0]!.rate = Number.POSITIVE_INFINITY
    await stage.run(args, { through: volume.enter })
    expect(sameFile(volume.inside("big.bin"), dataset.source)).toBe(true)
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.filter((piece) => servedSince(dataset, before, piece))).toEqual([])
  })
})

describe.skipIf(missing !== undefined)("a file system that takes no more files", () => {
  it("is 6, and says that files are in question, not bytes; with room for them the same command goes on", async () => {
    await using stage = await Stage.open()
    await using volume = await openVolume(stage.beside("volume"), "16m", { files: 100 })
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.csv`, 5000]))
    const dataset = await stage.publish("study", files, { seeders: [{}] })
    const args = ["get", dataset.infoHash, "-o", volume.path]
    for (let i = 0; i < 60; i++) writeFileSync(volume.inside(`filler${i}`), "")
    expect(errorOf(await stage.run([...args, "--json"], { exits: 6, through: volume.enter }))).toMatchObject({
      code: "AT_DISK_FULL",
      message: expect.stringContaining("no room for another file") as string,
      hint: expect.stringContaining("df -i") as string,
    })
    for (let i = 0; i < 60; i++) volume.remove(`filler${i}`)
    await stage.run(args, { through: volume.enter })
    expect(await differences(dataset.source, volume.inside("study"))).toEqual([])
  })
})

describe("what stands in the way", () => {
  const FILES = { "a.csv": 40_000, "b/c.csv": 90_000 }

  it("is 7 when it is another dataset of the same name; neither is harmed", async () => {
    await using stage = await Stage.open()
    const first = await stage.publish("study", FILES, { seeders: [{}] })
    const second = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", first.infoHash])
    const outcome = await stage.run(["get", second.infoHash, "--json"], { exits: 7 })
    expect(errorOf(outcome)).toMatchObject({ type: "error", code: "AT_EXISTS", hint: expect.stringContaining("-o") })
    expect(await differences(first.source, stage.stored("study"))).toEqual([])
    const served = first.seeders[0]!.bytesServed
    await stage.run(["get", first.infoHash])
    expect(first.seeders[0]!.bytesServed).toBe(served)
  })

  it("is 7 when it is another dataset of the same name that is being downloaded, though both were there before", async () => {
    await using stage = await Stage.open()
    const first = await stage.publish("data.zip", 1_000_000, { seeders: [{}] })
    const second = await stage.publish("data.zip", 1_000_000, { seeders: [{}] })
    for (const { infoHash } of [first, second]) {
      await stage.run(["get", infoHash])
      rmSync(stage.stored("data.zip"))
    }
    const [seeder] = first.seeders
    const before = seeder!.bytesServed
    seeder!.rate = 100_000
    const command = stage.start(["get", first.infoHash])
    await command.until("something has arrived", () => seeder!.bytesServed > before)
    const outcome = await stage.run(["get", second.infoHash, "--json"], { exits: 7 })
    expect(errorOf(outcome)).toMatchObject({
      code: "AT_EXISTS",
      message: expect.stringContaining("data.zip") as string,
    })
    seeder!.rate = Number.POSITIVE_INFINITY
    await command.exits(0)
    expect(sameFile(stage.stored("data.zip"), first.source)).toBe(true)
  })

  it("is 7 when it is a foreign file, and --overwrite goes on", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000, { seeders: [{}] })
    mkdirSync(stage.datastore)
    writeFileSync(stage.stored("one.bin"), "my notes")
    expect(errorOf(await stage.run(["get", dataset.infoHash, "--json"], { exits: 7 }))).toMatchObject({
      code: "AT_EXISTS",
    })
    expect(readFileSync(stage.stored("one.bin"), "utf8")).toBe("my notes")
    expect(dataset.seeders[0]!.bytesServed).toBe(0)
    await stage.run(["get", dataset.infoHash, "--overwrite"])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("is 7 when it is a foreign file inside the dataset's folder", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    mkdirSync(stage.stored("study/b"), { recursive: true })
    writeFileSync(stage.stored("study/b/c.csv"), "x".repeat(90_000))
    await stage.run(["get", dataset.infoHash], { exits: 7 })
    expect(readFileSync(stage.stored("study/b/c.csv"), "utf8")).toBe("x".repeat(90_000))
    await stage.run(["get", dataset.infoHash, "--overwrite"])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })

  it("is left alone when it is a file that the dataset does not name", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    mkdirSync(stage.stored("study"), { recursive: true })
    writeFileSync(stage.stored("study/notes.txt"), "my notes")
    await stage.run(["get", dataset.infoHash])
    expect(readFileSync(stage.stored("study/notes.txt"), "utf8")).toBe("my notes")
  })

  it("is 7 when it is a folder where a file should be, or a file where a folder should be", async () => {
    await using stage = await Stage.open()
    const file = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    const folder = await stage.publish("study", FILES, { seeders: [{}] })
    mkdirSync(stage.stored("one.bin"), { recursive: true })
    writeFileSync(stage.stored("study"), "")
    for (const { infoHash } of [file, folder]) {
      for (const more of [[], ["--overwrite"]]) {
        const { stderr } = await stage.run(["get", infoHash, ...more], { exits: 7 })
        expect(stderr).toMatch(/is in the way: .*folder/)
        // It would not help.
        expect(stderr).not.toContain("--overwrite")
      }
    }
    expect(readdirSync(stage.stored("one.bin"))).toEqual([])
  })

  it.for(["the file", "the folder", "a folder inside"])(
    "is 7 when %s is a symbolic link, which is not followed",
    async (where) => {
      await using stage = await Stage.open()
      const dataset = await stage.publish("study", FILES, { seeders: [{}] })
      const outside = stage.beside("outside")
      mkdirSync(outside)
      writeFileSync(join(outside, "a.csv"), "precious")
      mkdirSync(stage.datastore)
      if (where === "the folder") symlinkSync(outside, stage.stored("study"))
      else {
        mkdirSync(stage.stored("study"))
        if (where === "the file") symlinkSync(join(outside, "a.csv"), stage.stored("study/a.csv"))
        else symlinkSync(outside, stage.stored("study/b"))
      }
      const error = errorOf(await stage.run(["get", dataset.infoHash, "--json"], { exits: 7 }))
      expect(error?.["code"]).toMatch(/^AT_(UNSAFE_PATH|EXISTS)$/)
      await stage.run(["get", dataset.infoHash, "--overwrite", "--timeout", "5s"], { exits: 7 })
      expect(readdirSync(outside)).toEqual(["a.csv"])
      expect(readFileSync(join(outside, "a.csv"), "utf8")).toBe("precious")
    },
  )

  it.for(["study", "study/b"])("is a link to where it was moved (%s): nobody follows it", async (place) => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    renameSync(stage.stored(place), stage.beside("moved"))
    symlinkSync(stage.beside("moved"), stage.stored(place))
    const obstacle = `a symbolic link is in the way: ${stage.stored(place)}`
    for (const args of [["get"], ["get", "--include", "**"], ["seed"]]) {
      const outcome = await stage.run([...args, dataset.infoHash, "--offline", "--json"], { exits: 7 })
      expect(errorOf(outcome)).toMatchObject({ code: "AT_UNSAFE_PATH", message: obstacle })
    }
    const { stdout } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(stdout).toContain(`missing: ${obstacle}\n`)
    if (missing !== undefined) return
    const through = readOnly(stage.datastore)
    const outcome = await stage.run(["get", dataset.infoHash, "--offline", "--json"], { exits: 4, through })
    expect(errorOf(outcome)?.["message"]).toContain(obstacle)
  })
})

describe("a second process on the same dataset", () => {
  it.skipIf(missing !== undefined)("that may only read is 8, too, and waits with --wait", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 1_000_000, { seeders: [{ rate: 100_000 }] })
    const first = stage.start(["get", dataset.infoHash])
    await first.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    const through = readOnly(stage.datastore)
    const named = `process ${first.pid} is using it`
    for (const way of [[], ["--offline"]]) {
      const outcome = await stage.run(["get", dataset.infoHash, ...way, "--json"], { exits: 8, through })
      expect(errorOf(outcome)).toMatchObject({ code: "AT_LOCKED", message: expect.stringContaining(named) as string })
    }
    const second = stage.start(["get", dataset.infoHash, "--offline", "--wait", "--json"], { through })
    await second.until("it waits", () => second.stdout.includes(named))
    dataset.seeders[0]!.rate = Number.POSITIVE_INFINITY
    await first.exits(0)
    const { stdout } = await second.exits(0)
    expect(jsonLines(stdout).at(-1)).toEqual({ type: "done", path: stage.stored("one.bin") })
  })

  it("is 8 and names the first, which goes on", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 1_000_000, { seeders: [{ rate: 100_000 }] })
    const first = stage.start(["get", dataset.infoHash])
    await first.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 0)
    for (const args of [
      ["get", dataset.infoHash],
      ["verify", dataset.infoHash, "--repair"],
      ["seed", dataset.infoHash],
    ]) {
      const outcome = await stage.run([...args, "--json"], { exits: 8 })
      expect([args[0], errorOf(outcome)]).toMatchObject([args[0], { type: "error", code: "AT_LOCKED" }])
      expect(errorOf(outcome)?.["message"]).toContain(String(first.pid))
    }
    dataset.seeders[0]!.rate = Number.POSITIVE_INFINITY
    await first.exits(0)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("waits with --wait until the first is done, or gone, and says whom it waits for", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 1_000_000, { seeders: [{ rate: 100_000 }] })
    const seeder = dataset.seeders[0]!
    const first = stage.start(["get", dataset.infoHash])
    await first.until("something has arrived", () => seeder.bytesServed > 0)
    const wait = () => stage.start(["get", dataset.infoHash, "--wait", "--json"])
    const named = (command: Command) => command.stdout.includes(`process ${first.pid} is using it`)
    const [stopped, second, third] = [wait(), wait(), wait()]
    for (const command of [stopped, second, third]) await command.until("it waits", () => named(command))
    stopped.signal("SIGINT")
    await stopped.exits(130)
    await first.kill()
    seeder.rate = Number.POSITIVE_INFINITY
    for (const command of [second, third]) {
      const { stdout } = await command.exits(0)
      expect(jsonLines(stdout).at(-1)).toEqual({ type: "done", path: stage.stored("one.bin") })
    }
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(seeder.bytesServed).toBeLessThan(2_000_000)
  })

  it("waits with --wait no longer than --timeout without a sign of the first, and not for what is there", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", { "a.csv": 300_000, "b.csv": 100_000 }, { seeders: [{}] })
    const first = stage.start(["get", dataset.infoHash, "--include", "a.csv", "--seed"])
    await first.until("it gives", () => first.stdout !== "")
    const { stdout } = await stage.run(["get", dataset.infoHash, "--include", "a.csv", "--wait"])
    expect(stdout).toBe(first.stdout)
    for (const args of [["get"], ["seed"], ["verify", "--repair"]]) {
      const command = [...args, dataset.infoHash, "--wait", "--timeout", "1s", "--json"]
      const error = errorOf(await stage.run(command, { exits: 4 }))
      expect(error).toMatchObject({ code: "AT_STALLED", message: expect.stringContaining(String(first.pid)) })
    }
    expect((await stage.run(["get", dataset.infoHash], { exits: 8 })).stderr).toContain("--wait")
    await stage.run(["verify", dataset.infoHash, "--wait"], { exits: 2 })
    await first.kill()
  })

  it("gets what is all there while the first gives it, and is 8 for what is not, or for giving it, too", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", { "a.csv": 300_000, "b.csv": 100_000 }, { seeders: [{}] })
    const first = stage.start(["get", dataset.infoHash, "--include", "a.csv", "--seed"])
    await first.until("it gives", () => first.stdout !== "")
    const before = dataset.seeders[0]!.bytesServed
    const chosen = ["get", dataset.infoHash, "--include", "a.csv"]
    expect((await stage.run(chosen)).stdout).toBe(first.stdout)
    expect((await stage.run([...chosen, "--verify", "--offline"])).stdout).toBe(first.stdout)
    await stage.run(["verify", dataset.infoHash, "--repair", "--include", "a.csv"])
    for (const args of [
      ["get", dataset.infoHash],
      [...chosen, "--seed"],
      [...chosen, "--sync"],
    ]) {
      const outcome = await stage.run([...args, "--json"], { exits: 8 })
      expect([args, errorOf(outcome)?.["message"]]).toEqual([args, expect.stringContaining(String(first.pid))])
    }
    flipByte(stage.stored("study/a.csv"), 7)
    await stage.run([...chosen, "--verify"], { exits: 8 })
    expect(dataset.seeders[0]!.bytesServed).toBe(before)
    first.signal("SIGINT")
    await first.exits(130)
  })

  it("is no hindrance on another dataset in the same datastore", async () => {
    await using stage = await Stage.open()
    const one = await stage.publish("one.bin", 1_000_000, { seeders: [{ rate: 100_000 }] })
    const two = await stage.publish("two.bin", 50_000, { seeders: [{}] })
    const first = stage.start(["get", one.infoHash])
    await first.until("something has arrived", () => one.seeders[0]!.bytesServed > 0)
    await stage.run(["get", two.infoHash])
    await first.kill()
    await stage.run(["get", two.infoHash])
  })
})
