import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { differences } from "../../support/trees.js"
import { changeUnseen, flipByte, type Original, Stage, sameFile } from "./stage.js"

const PIECE = 32_768
const FILES = { "a.csv": 3 * PIECE, "b/c.csv": 5 * PIECE, "b/d.bin": 100_000, "z.txt": 20 }

async function got(stage: Stage): Promise<Original> {
  const dataset = await stage.publish("study", FILES, { create: { pieceLength: PIECE }, seeders: [{}] })
  await stage.run(["get", dataset.infoHash])
  return dataset
}

describe("verify", () => {
  it("of data that is right prints the path", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    const { stdout } = await stage.run(["verify", dataset.infoHash])
    expect(stdout).toBe(`${stage.stored("study")}\n`)
    const { stdout: json } = await stage.run(["verify", dataset.infoHash, "--json"])
    expect(json.trimEnd().split("\n").length).toBe(1)
    expect(JSON.parse(json)).toMatchObject({ complete: true, path: stage.stored("study"), badPieces: [] })
  })

  it("leaves nothing for get to believe that it found damaged, and get repairs it", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    const path = stage.stored("study/a.csv")
    changeUnseen(path, PIECE + 7)
    await stage.run(["verify", dataset.infoHash], { exits: 5 })
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(path, join(dataset.source, "a.csv"))).toBe(true)
  })

  it.for<[string, (path: string) => void, RegExp]>([
    ["appended to", (path) => appendFileSync(path, "edit"), /; if not, .*cut off .* --repair --overwrite$/m],
    ["changed inside", (path) => flipByte(path, PIECE + 7), /; if not, .* --repair$/m],
  ])("tells who has %s a file of his own to keep it, before it tells how to undo that", async ([, edit, undo]) => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: { pieceLength: PIECE } })
    const torrent = stage.torrentFile(dataset)
    const [file, folder] = [join(dataset.source, "a.csv"), join(dataset.source, "..")]
    edit(file)
    const { stderr } = await stage.run(["verify", torrent, "-o", folder], { exits: 5 })
    expect(stderr).toMatch(/what to do: if you changed files yourself, keep them, and make a new \.torrent/)
    expect(stderr).toMatch(undo)
    rmSync(file)
    const missing = await stage.run(["verify", torrent, "-o", folder], { exits: 5 })
    expect(missing.stderr).not.toContain("yourself")
  })

  it("names what is missing or wrong, ends with 5, and changes nothing", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    flipByte(stage.stored("study/a.csv"), PIECE + 7)
    truncateSync(stage.stored("study/b/c.csv"), 4 * PIECE)
    rmSync(stage.stored("study/b/d.bin"))
    const asked = stage.traffic
    const { stdout, stderr } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(stdout.split("\n").map((line) => line.split(":")[0])).toEqual(
      expect.arrayContaining(["a.csv", "b/c.csv", "b/d.bin"]),
    )
    expect(stdout).toMatch(/^a\.csv: damaged: 1 piece/m)
    expect(stdout).toMatch(/^b\/c\.csv: .*131072 .*163840/m)
    expect(stdout).toMatch(/^b\/d\.bin: missing$/m)
    expect(stdout).not.toMatch(/^z\.txt: (missing|damaged)/m)
    expect(stderr).toContain("--repair")
    const { stdout: json } = await stage.run(["verify", dataset.infoHash, "--json"], { exits: 5 })
    expect(json.trimEnd().split("\n").length).toBe(1)
    expect(JSON.parse(json)).toMatchObject({
      complete: false,
      repaired: false,
      badPieces: [
        { first: 1, count: 1 },
        { first: 7, count: 5 },
      ],
      files: [
        { path: "a.csv", state: "damaged" },
        { path: "b/c.csv", state: "wrong-size", actualLength: 4 * PIECE },
        { path: "b/d.bin", state: "missing", actualLength: null },
        { path: "z.txt" },
      ],
    })
    expect(existsSync(stage.stored("study/b/d.bin"))).toBe(false)
    expect(stage.traffic).toBe(asked)
  })

  it("--repair fetches just that", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    flipByte(stage.stored("study/a.csv"), PIECE + 7)
    truncateSync(stage.stored("study/b/c.csv"), 4 * PIECE)
    const before = dataset.seeders[0]!.bytesServed
    const { stdout, stderr } = await stage.run(["verify", dataset.infoHash, "--repair"])
    expect(stdout).toBe(`${stage.stored("study")}\n`)
    expect(stderr).toMatch(/a\.csv: damaged/)
    expect(dataset.seeders[0]!.bytesServed - before).toBe(2 * PIECE)
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
    await stage.run(["verify", dataset.infoHash])
  })

  it("--repair mends a file that is gone, and cuts one that is too long only with --overwrite", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    appendFileSync(stage.stored("study/b/c.csv"), "and more")
    rmSync(stage.stored("study/a.csv"))
    const before = dataset.seeders[0]!.bytesServed
    const { stderr: found } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(found).toContain("--repair --overwrite")
    const { stderr } = await stage.run(["verify", dataset.infoHash, "--repair"], { exits: 7 })
    expect(stderr).toContain(`${stage.stored("study/b/c.csv")} has 8 bytes more than the dataset`)
    expect(stderr).toContain("--overwrite")
    await stage.run([dataset.infoHash], { exits: 7, program: "at-get" })
    expect(readFileSync(stage.stored("study/b/c.csv"), "utf8").endsWith("and more")).toBe(true)
    await stage.run(["verify", dataset.infoHash, "--repair", "--overwrite", "--json"])
    expect(dataset.seeders[0]!.bytesServed - before).toBe(3 * PIECE)
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })

  it("--repair goes on where a foreign file stands with --overwrite", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 1000, { seeders: [{}] })
    mkdirSync(stage.datastore)
    writeFileSync(stage.stored("one.bin"), "x".repeat(1000))
    const { stderr } = await stage.run(["verify", dataset.infoHash, "--repair"], { exits: 7 })
    expect(stderr).toContain("--overwrite")
    await stage.run(["verify", dataset.infoHash, "--repair", "--overwrite"])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("lists the first of many missing files, and all that are there and wrong", async () => {
    await using stage = await Stage.open()
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i + 10}.bin`, 1000]))
    const dataset = await stage.publish("study", files, { create: { pieceLength: PIECE }, seeders: [{}] })
    await stage.run(["get", dataset.infoHash])
    for (let i = 10; i < 35; i++) rmSync(stage.stored(`study/${i}.bin`))
    truncateSync(stage.stored("study/39.bin"), 10)
    const { stdout } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    const lines = stdout.trimEnd().split("\n")
    expect(lines.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 10}.bin: missing`))
    expect(lines.slice(20)).toEqual([
      ...[35, 36, 37, 38].map((i) => `${i}.bin: can't be verified without its neighbouring files`),
      "39.bin: 10 bytes long instead of 1000",
      "and 5 more: missing (--json lists all)",
    ])
    const { stdout: json } = await stage.run(["verify", dataset.infoHash, "--json"], { exits: 5 })
    expect(JSON.parse(json).files).toHaveLength(30)
  })

  it("finds what the journal can't know: data that was never ours, and nothing at all", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: { pieceLength: PIECE }, seeders: [{}] })
    const { stdout } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(stdout).toMatch(/^a\.csv: missing$/m)
    expect(existsSync(stage.datastore)).toBe(false)
    mkdirSync(stage.datastore)
    cpSync(dataset.source, stage.stored("study"), { recursive: true })
    await stage.run(["verify", dataset.infoHash])
    flipByte(stage.stored("study/a.csv"), 0)
    await stage.run(["verify", dataset.infoHash], { exits: 5 })
  })

  it("looks at the chosen files alone", async () => {
    await using stage = await Stage.open()
    const dataset = await got(stage)
    flipByte(stage.stored("study/a.csv"), 5)
    await stage.run(["verify", dataset.infoHash, "--include", "b/**"])
    await stage.run(["verify", dataset.infoHash, "--exclude", "b/**"], { exits: 5 })
  })

  it("of a part of the files says how to have that part checked alone", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: { pieceLength: PIECE }, seeders: [{}] })
    const choice = ["--include", "b/**"]
    expect((await stage.run(["get", dataset.infoHash, ...choice])).stderr).toContain("258 KiB in ")
    expect((await stage.run(["get", dataset.infoHash, ...choice])).stderr).toContain("258 KiB were on disk already")
    const { stderr } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(stderr).toMatch(/2 of 4 files are missing: .*--include/)
    expect((await stage.run(["verify", dataset.infoHash, ...choice])).stdout).toBe(`${stage.stored("study")}\n`)
  })

  it("--data checks it where it lies, and touches no datastore", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("study", FILES, { create: { pieceLength: PIECE } })
    const there = stage.beside("elsewhere")
    cpSync(dataset.source, there, { recursive: true })
    expect((await stage.run(["verify", dataset.infoHash, "--data", there])).stdout).toBe(`${there}\n`)
    flipByte(`${there}/a.csv`, PIECE + 7)
    const { stdout } = await stage.run(["verify", dataset.infoHash, "--data", there], { exits: 5 })
    expect(stdout).toBe("a.csv: damaged: 1 piece is wrong\n")
    await stage.run(["verify", dataset.infoHash, "--data", there, "--repair"], { exits: 2 })
    rmSync(`${there}/z.txt`)
    symlinkSync(join(dataset.source, "z.txt"), `${there}/z.txt`)
    const linked = await stage.run(["verify", dataset.infoHash, "--data", there], { exits: 5 })
    expect(linked.stdout).toContain(`z.txt: missing: a symbolic link is in the way: ${there}/z.txt\n`)
    for (const command of ["verify", "seed"]) {
      const { stderr } = await stage.run([command, dataset.infoHash, "--data", stage.beside("elswhere")], { exits: 2 })
      expect(stderr).toMatch(/there is nothing at .*\/elswhere\n.*--data/)
    }
    // The folder above.
    const { stderr } = await stage.run(["verify", dataset.infoHash, "--data", stage.folder], { exits: 5 })
    expect(stderr).toContain("check that --data is the dataset's file or folder itself")
    expect(existsSync(stage.datastore)).toBe(false)
  })

  it("says what is unfinished after an interrupted get", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", 20 * PIECE, {
      create: { pieceLength: PIECE },
      seeders: [{ rate: 200_000 }],
    })
    const command = stage.start(["get", dataset.infoHash])
    await command.until("something has arrived", () => dataset.seeders[0]!.bytesServed > 3 * PIECE)
    command.signal("SIGINT")
    await command.exits(130)
    const { stdout } = await stage.run(["verify", dataset.infoHash], { exits: 5 })
    expect(stdout).toMatch(/^one\.bin: unfinished/)
  })
})
