import { execFileSync } from "node:child_process"
import { createSocket } from "node:dgram"
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { readTorrent } from "../../../testbed/torrent.js"
import { differences, randomTree } from "../../support/trees.js"
import { type Command, jsonLines } from "./command.js"
import { flipByte, Stage } from "./stage.js"

const FILES = { "a.csv": 100_000, "sub/b.bin": 70_000, "sub/empty": 0 }

describe("create", () => {
  it("makes a .torrent with all that was asked for, and prints its path", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    const output = stage.beside("out.torrent")
    const { stdout } = await stage.run([
      ...["create", stage.beside("study"), "-o", output, "--piece-length", "32K", "--private", "--comment", "a remark"],
      ...["--tracker", "http://t1.example/announce", "--tracker", "udp://t2.example:80", "--url", "http://w.example/"],
    ])
    expect(stdout).toBe(`${output}\n`)
    const info = JSON.parse((await stage.run(["info", "--json", output])).stdout) as Record<string, unknown>
    expect(info).toMatchObject({
      name: "study",
      length: 170_000,
      pieceLength: 32_768,
      private: true,
      comment: "a remark",
      trackers: [["http://t1.example/announce"], ["udp://t2.example:80"]],
      webSeeds: ["http://w.example/"],
    })
    expect(readTorrent(readFileSync(output)).infoHash).toBe(info["infoHash"])
  })

  it("prints one object with --json", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    const args = ["create", "study", "-o", "out.torrent", "--v1", "--json"]
    const { stdout } = await stage.run(args, { cwd: stage.folder })
    const path = stage.beside("out.torrent")
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        path,
        infoHash: readTorrent(readFileSync(path)).infoHash,
        name: "study",
        length: 170_000,
      }),
    ])
  })

  it("names what it left out: links are not followed", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    execFileSync("ln", ["-s", "/etc/passwd", stage.beside("study/link")])
    const output = stage.beside("out.torrent")
    const { stderr } = await stage.run(["create", stage.beside("study"), "-o", output])
    expect(readTorrent(readFileSync(output)).files.map(({ path }) => path.join("/"))).toEqual(Object.keys(FILES))
    expect(stderr).toContain("link")
  })

  it("says which files have names that not every system can have, and what they will be called", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("obs"), { "T00:00.csv": 1000, "T06:00.csv": 1000, "plain.csv": 10 })
    const args = ["create", stage.beside("obs"), "-o", stage.beside("obs.torrent")]
    const { stderr } = await stage.run(args)
    expect(stderr).toMatch(/^2 files will have other names .*: obs\/T00:00\.csv becomes obs\/T00_00\.csv$/m)
    const { stdout } = await stage.run([...args, "--overwrite", "--json"])
    expect(jsonLines(stdout)).toEqual([
      expect.objectContaining({
        renamed: [
          { path: "obs/T00:00.csv", savedAs: "obs/T00_00.csv" },
          { path: "obs/T06:00.csv", savedAs: "obs/T06_00.csv" },
        ],
      }),
    ])
    await randomTree(stage.beside("study"), FILES)
    const usual = await stage.run(["create", stage.beside("study"), "-o", stage.beside("study.torrent")])
    expect(usual.stderr).not.toContain("other names")
  })

  it("leaves out the program's own records, which are no data and change", async () => {
    await using stage = await Stage.open()
    const { infoHash } = await stage.publish("one.bin", 5000, { seeders: [{}] })
    await stage.run(["get", infoHash])
    await randomTree(stage.datastore, FILES)
    const output = stage.beside("out.torrent")
    const { stderr } = await stage.run(["create", stage.datastore, "-o", output])
    const paths = readTorrent(readFileSync(output)).files.map(({ path }) => path.join("/"))
    expect(paths).toEqual(["a.csv", "one.bin", "sub/b.bin", "sub/empty"])
    expect(stderr).toMatch(/^left out .*: \.academictorrents$/m)
    // The program's use of the folder makes no other dataset of it.
    await stage.run(["get", infoHash, "--verify"])
    await stage.run(["verify", output, "--data", stage.datastore])
  })

  it("leaves itself out when it lies in the folder from the last time", async () => {
    await using stage = await Stage.open()
    const { source } = await stage.publish("tree", { "a.bin": 3000, "b.bin": 20 })
    const args = ["create", source, "-o", join(source, "tree.torrent"), "--overwrite"]
    const first = await stage.run(args)
    const second = await stage.run(args)
    const infoHash = ({ stderr }: { stderr: string }): string | undefined => /infohash (\w+)/.exec(stderr)?.[1]
    expect(infoHash(second)).toBe(infoHash(first))
    await stage.run(["verify", join(source, "tree.torrent"), "--data", source])
  })

  it("is 2 at once for more pieces than a torrent may have, and says what helps", async () => {
    await using stage = await Stage.open()
    const data = stage.beside("long.bin")
    writeFileSync(data, "")
    truncateSync(data, 2 ** 36)
    const output = stage.beside("out.torrent")
    for (const version of ["--v1", "--v2"]) {
      const args = ["create", data, "-o", output, "--piece-length", "16K", version]
      expect((await stage.run(args, { exits: 2 })).stderr).toMatch(/pieces are too many.*\n.*--piece-length/)
    }
    expect(existsSync(output)).toBe(false)
  })

  it("is 2 for a link, and says so", async () => {
    await using stage = await Stage.open()
    const { source } = await stage.publish("tree", { "a.bin": 3000 })
    symlinkSync(source, stage.beside("link"))
    const { stderr } = await stage.run(["create", stage.beside("link"), "-o", "x.torrent"], { exits: 2 })
    expect(stderr).toMatch(/is a symbolic link\n.*give the path of the file or folder that it leads to/)
  })

  it("is 2 for the root of all folders, at once", async () => {
    await using stage = await Stage.open()
    const { stderr } = await stage.run(["create", "/", "-o", stage.beside("x.torrent")], { exits: 2 })
    expect(stderr).toMatch(/\/ has no name.*\n.*choose a folder inside it/)
  })

  it("replaces no file but with --overwrite", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    const output = stage.beside("out.torrent")
    writeFileSync(output, "precious")
    const { stderr } = await stage.run(["create", stage.beside("study"), "-o", output], { exits: 7 })
    expect(stderr).toMatch(/out\.torrent exists already\n.*--overwrite/)
    expect(readFileSync(output, "utf8")).toBe("precious")
    await stage.run(["create", stage.beside("study"), "-o", output, "--overwrite"])
    expect(readTorrent(readFileSync(output)).files.length).toBe(3)
  })

  it("replaces no link, device or folder, even with --overwrite", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    const kept = stage.beside("kept")
    writeFileSync(kept, "precious")
    symlinkSync(kept, stage.beside("link"))
    execFileSync("mkfifo", [stage.beside("pipe")])
    const before = readdirSync(stage.folder)
    for (const name of ["link", "pipe", "study"]) {
      const args = ["create", stage.beside("study"), "-o", stage.beside(name), "--overwrite"]
      expect((await stage.run(args, { exits: 7 })).stderr).toMatch(/is not an ordinary file\n.*another path/)
    }
    expect(lstatSync(stage.beside("link")).isSymbolicLink()).toBe(true)
    expect(lstatSync(stage.beside("pipe")).isFIFO()).toBe(true)
    expect(readdirSync(stage.folder)).toEqual(before)
  })

  it("is 7 when the .torrent can't be written, and leaves nothing", async () => {
    await using stage = await Stage.open()
    await randomTree(stage.beside("study"), FILES)
    await stage.run(["create", stage.beside("study"), "-o", stage.beside("absent/out.torrent")], { exits: 7 })
    expect(existsSync(stage.beside("absent"))).toBe(false)
  })
})

describe.skipIf(!existsSync("/proc/self/fd"))("create that is stopped", () => {
  it.for([[], ["--json"]])("promises nothing that is not so: it will begin anew (%s)", async (options) => {
    await using stage = await Stage.open()
    const [data, output] = [stage.beside("large.bin"), stage.beside("out.torrent")]
    // Sparse, and more than anybody hashes in a minute.
    writeFileSync(data, "")
    truncateSync(data, 2 ** 40)
    const command = stage.start(["create", data, "-o", output, ...options])
    await command.until("it reads the data", () => isOpen(command.pid, data))
    command.signal("SIGINT")
    const { stdout, stderr } = await command.exits(130)
    expect(stdout + stderr).toMatch(/no \.torrent file was written/)
    expect(stdout + stderr).not.toMatch(/continue|saving/)
    expect(existsSync(output)).toBe(false)
  })
})

/** Whether a process has a file open. */
function isOpen(pid: number, path: string): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === path
    } catch {
      // Closed since it was listed.
      return false
    }
  })
}

describe("seed", () => {
  it("gives from the datastore until stopped, and announces itself", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES)
    mkdirSync(stage.datastore)
    cpSync(dataset.source, stage.stored("study"), { recursive: true })
    const giver = stage.start(["seed", dataset.infoHash, "--port", "0"])
    const { left } = await stage.announced(giver, "started")
    expect(left).toBe(0)
    await stage.run(["get", dataset.infoHash, "-o", stage.beside("other")])
    expect(await differences(dataset.source, stage.beside("other/study"))).toEqual([])
    giver.signal("SIGTERM")
    // There is nothing that it would save.
    expect((await giver.exits(143)).stderr).toMatch(/^stopping \(.*\)\nstopped sharing$/m)
    expect(stage.testbed.tracker.announces.at(-1)).toMatchObject({ event: "stopped", uploaded: 170_000 })
  })

  it("gives what has names that not every system can have from where it is, and so do get and verify", async () => {
    await using stage = await Stage.open()
    const files = { "T00:00.csv": 100_000, "why?/b.bin": 70_000, "c.csv": 20 }
    const dataset = await stage.publish("obs", files)
    const torrent = stage.torrentFile(dataset)
    const place = dirname(dataset.source)
    const giver = stage.start(["seed", torrent, "-o", place, "--port", "0", "--json"])
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
    await stage.run(["get", torrent, "--peer", `127.0.0.1:${String(port)}`])
    expect(readdirSync(stage.stored("obs")).sort()).toEqual(["T00_00.csv", "c.csv", "why_"])
    giver.signal("SIGTERM")
    await giver.exits(143)
    expect((await stage.run(["verify", torrent, "-o", place])).stderr).toContain("verified")
    for (const more of [[], ["--include", "T00:00.csv"], ["--verify"]]) {
      const { stdout } = await stage.run(["get", torrent, "-o", place, "--offline", ...more])
      expect(stdout).toBe(`${dataset.source}\n`)
    }
    expect(readdirSync(dataset.source).sort()).toEqual(["T00:00.csv", "c.csv", "why?"])
  })

  it("is 7 where the dataset has its author's name, which it can't have here, and so is get", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("obs: all", FILES)
    const torrent = stage.beside("obs.torrent")
    writeFileSync(torrent, dataset.torrent.bytes)
    const place = dirname(dataset.source)
    for (const command of ["seed", "get", "verify"]) {
      const { stderr } = await stage.run([command, torrent, "-o", place], { exits: 7 })
      expect(stderr).toMatch(/obs: all has the author's name.*\n.*rename it to obs_ all, or .*--data/)
    }
    expect(readdirSync(place).sort()).toEqual([".academictorrents", "obs: all"])
    await stage.run(["verify", torrent, "--data", dataset.source])
  })

  it("finds the one file of a dataset by a link to it, and by its folder", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 50_000)
    symlinkSync(dataset.source, stage.beside("link"))
    const folder = stage.beside("measured")
    mkdirSync(folder)
    cpSync(dataset.source, join(folder, "one.bin"))
    symlinkSync(folder, stage.beside("folder-link"))
    for (const data of ["link", "measured", "folder-link"]) {
      const { stderr } = await stage.run(["verify", stage.torrentFile(dataset), "--data", stage.beside(data)])
      expect(stderr).toContain("verified")
    }
    // By BEP 52 a folder of nothing but a file is that file.
    const torrent = stage.beside("measured.torrent")
    await stage.run(["create", folder, "-o", torrent, "--v2"])
    const giver = stage.start(["seed", torrent, "--data", folder, "--no-tracker", "--json"])
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    giver.signal("SIGINT")
    await giver.exits(130)
  })

  it("gives FILE.torrent from where --data says, and writes nothing there", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES)
    const place = stage.beside("elsewhere")
    renameSync(dataset.source, place)
    const giver = stage.start(["seed", stage.torrentFile(dataset), "--data", place, "--no-tracker", "--json"])
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
    await stage.run(["get", dataset.infoHash, "--peer", `127.0.0.1:${String(port)}`])
    expect(await differences(place, stage.stored("study"))).toEqual([])
    giver.signal("SIGINT")
    const { stdout } = await giver.exits(130)
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: "error", code: "AT_ABORTED", message: "stopped sharing" })
    expect(existsSync(stage.beside(".academictorrents"))).toBe(false)
  })

  it("is 4 when nothing is where --data says, and says what that should be", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES)
    const args = ["seed", stage.torrentFile(dataset), "--data", dirname(dataset.source), "--no-tracker"]
    const { stderr } = await stage.run(args, { exits: 4 })
    expect(stderr).toMatch(/--data is the dataset's file or folder itself, not the folder that contains it/)
  })

  it("has the router let peers in, until stopped", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 100_000)
    // All of 127.0.0.0/8 is this machine; NAT-PMP has one port only.
    const router = createSocket("udp4")
    await new Promise<void>((resolve) => router.bind(5351, "127.0.53.51", resolve))
    try {
      const lifetimes: number[] = []
      router.on("message", (request, from) => {
        lifetimes.push(request.readUInt32BE(8))
        const answer = Buffer.alloc(16)
        answer[1] = 128 + request[1]!
        request.copy(answer, 8, 4, 12)
        router.send(answer, from.port, from.address)
      })
      const torrent = stage.torrentFile(dataset)
      const mapping = ["--router", "127.0.53.51", "--no-tracker", "-v"]
      const giver = stage.start(["seed", torrent, "--data", dataset.source, ...mapping])
      await giver.until("peers are let in", () => (giver.stderr.match(/lets peers in at/g)?.length ?? 0) === 2)
      giver.signal("SIGTERM")
      await giver.exits(143)
      expect(lifetimes.filter((lifetime) => lifetime > 0).length).toBeGreaterThanOrEqual(2)
      expect(lifetimes.slice(-2)).toEqual([0, 0])
    } finally {
      router.close()
    }
  })

  it("keeps to --max-upload", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 1_500_000)
    const args = [
      "seed",
      stage.torrentFile(dataset),
      "--data",
      dataset.source,
      "--no-tracker",
      "--json",
      "--max-upload",
      "512K",
    ]
    const giver = stage.start(args)
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
    const started = performance.now()
    await stage.run(["get", dataset.infoHash, "--peer", `127.0.0.1:${String(port)}`])
    expect(performance.now() - started).toBeGreaterThan(1500)
  })

  describe("by infohash, after its trackers were corrected", () => {
    const DATA = "published/one.bin"
    const DEAD = "http://127.0.0.1:9/announce"
    const torrentOf = (stage: Stage): string => stage.beside("own.torrent")
    const create = async (stage: Stage, tracker: string): Promise<string> => {
      const args = ["-o", torrentOf(stage), "--overwrite", "--tracker", tracker]
      return /infohash (\w+)/.exec((await stage.run(["create", stage.beside(DATA), ...args])).stderr)![1]!
    }
    const seed = (stage: Stage, target: string): Command =>
      stage.start(["seed", target, "-o", stage.beside("published"), "--port", "0"])
    const seedOnce = async (stage: Stage, target: string): Promise<void> => {
      const giver = seed(stage, target)
      await giver.until("it shares", () => giver.stderr.includes("sharing "))
      giver.signal("SIGINT")
      await giver.exits(130)
    }
    const published = async (): Promise<{ stage: Stage; infoHash: string }> => {
      const stage = await Stage.open()
      mkdirSync(stage.beside("published"))
      writeFileSync(stage.beside(DATA), "data")
      const infoHash = await create(stage, DEAD)
      await seedOnce(stage, torrentOf(stage))
      expect(await create(stage, stage.testbed.tracker.httpUrl)).toBe(infoHash)
      return { stage, infoHash }
    }

    it("announces to those of the .torrent that was given last", async () => {
      const { stage, infoHash } = await published()
      await using _ = stage
      await seedOnce(stage, torrentOf(stage))
      const before = stage.testbed.tracker.announces.length
      const giver = seed(stage, infoHash)
      await giver.until("it announces", () => stage.testbed.tracker.announces.length > before)
    })

    it("announces to those that the service knows when the kept .torrent is a day old", async () => {
      const { stage, infoHash } = await published()
      await using _ = stage
      stage.testbed.site.publish(readFileSync(torrentOf(stage)))
      const threeDaysAgo = Date.now() / 1000 - 3 * 86_400
      const kept = stage.beside("published/.academictorrents", infoHash, "dataset.torrent")
      utimesSync(kept, threeDaysAgo, threeDaysAgo)
      await stage.announced(seed(stage, infoHash), "started")
    })
  })

  it("does not give what is not right", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 300_000, { create: { pieceLength: 32_768 } })
    flipByte(dataset.source, 100_000)
    const giver = stage.start(["seed", stage.torrentFile(dataset), "--data", dataset.source, "--no-tracker", "--json"])
    await giver.until("it gives", () => giver.stdout.includes('"port"'))
    const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
    const args = ["get", dataset.infoHash, "--peer", `127.0.0.1:${String(port)}`, "--timeout", "1s", "--json"]
    const { stdout } = await stage.run(args, { exits: 4 })
    const last = jsonLines(stdout).findLast(({ type }) => type === "progress")
    expect(last).toMatchObject({ donePieces: 9, totalPieces: 10, wasted: 0 })
  })

  it("says so when not all of it is there", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 300_000, { create: { pieceLength: 32_768 } })
    const args = ["seed", stage.torrentFile(dataset), "--data", dataset.source, "--no-tracker"]
    const all = stage.start(args)
    await all.until("it shares", () => all.stderr.includes("sharing "))
    all.signal("SIGINT")
    expect((await all.exits(130)).stderr).not.toContain("only")
    flipByte(dataset.source, 100_000)
    const part = stage.start(args)
    await part.until("it says so", () => /^only 9 of 10 pieces are there: .*verify$/m.test(part.stderr))
    part.signal("SIGINT")
    await part.exits(130)
  })

  it("is 2 offline: nothing can be given", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 50_000, { seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    for (const args of [["seed"], ["get", "--seed"]]) {
      const { stderr } = await stage.run([...args, dataset.infoHash, "--offline"], { exits: 2 })
      expect(stderr).toMatch(/nothing can be shared offline\n.*without --offline, and with AT_OFFLINE unset/)
    }
  })

  it("is 4 when there is nothing to give", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 5000)
    const { stderr } = await stage.run(["seed", dataset.infoHash], { exits: 4 })
    expect(stderr).toMatch(/--data/)
  })
})
