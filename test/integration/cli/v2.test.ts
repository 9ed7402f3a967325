import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { differences, randomTree } from "../../support/trees.js"
import { withLayers } from "../../support/v2-torrents.js"
import { startWebServer } from "../../support/web-server.js"
import { jsonLines } from "./command.js"
import { flipByte, Stage } from "./stage.js"

const FILES = { "a.csv": 100_000, "b/c.csv": 3 * 32_768, "b/empty": 0, "z.txt": 20 }

/** A dataset beside the datastore, and its torrent. */
async function make(stage: Stage, version: string): Promise<{ torrent: string; infoHash: string; data: string }> {
  const data = stage.beside("study")
  await randomTree(data, FILES)
  const torrent = stage.beside("study.torrent")
  const args = ["create", data, "-o", torrent, `--${version}`, "--piece-length", "32K", "--json"]
  const { stdout } = await stage.run(args)
  return { torrent, data, infoHash: String(jsonLines(stdout)[0]?.["infoHash"]) }
}

describe.each(["v2", "hybrid"])("a torrent of version %s", (version) => {
  const made = (stage: Stage): ReturnType<typeof make> => make(stage, version)

  it("is described, each file with its own hash", async () => {
    await using stage = await Stage.open()
    const { torrent, infoHash } = await made(stage)
    const info = JSON.parse((await stage.run(["info", "--json", torrent])).stdout) as Record<string, unknown>
    expect(info).toMatchObject({
      name: "study",
      length: 198_324,
      infoHash: version === "v2" ? null : infoHash,
      infoHashV2: version === "v2" ? infoHash : expect.stringMatching(/^[0-9a-f]{64}$/),
      pieceCount: 8,
      files: [
        { path: "a.csv", length: 100_000, piecesRoot: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { path: "b/c.csv", length: 98_304, piecesRoot: expect.stringMatching(/^[0-9a-f]{64}$/) },
        { path: "b/empty", length: 0, piecesRoot: null },
        { path: "z.txt", length: 20, piecesRoot: expect.stringMatching(/^[0-9a-f]{64}$/) },
      ],
    })
  })

  it("is found complete by its infohash, without its .torrent", async () => {
    await using stage = await Stage.open()
    const { torrent, data, infoHash } = await made(stage)
    mkdirSync(stage.datastore)
    cpSync(data, stage.stored("study"), { recursive: true })
    await stage.run(["get", torrent, "--offline"])
    rmSync(join(stage.datastore, ".academictorrents", infoHash.slice(0, 40), "dataset.torrent"))
    for (const target of [infoHash, torrent]) {
      expect((await stage.run(["get", target, "--offline"])).stdout).toBe(`${stage.stored("study")}\n`)
    }
    const another = infoHash.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))
    await stage.run(["get", another, "--offline"], { exits: 3 })
  })

  it("is verified where it lies: a wrong byte is found, and what is missing", async () => {
    await using stage = await Stage.open()
    const { torrent, data } = await made(stage)
    mkdirSync(stage.datastore)
    cpSync(data, stage.stored("study"), { recursive: true })
    expect((await stage.run(["verify", torrent])).stdout).toBe(`${stage.stored("study")}\n`)
    flipByte(stage.stored("study/a.csv"), 99_999)
    flipByte(stage.stored("study/z.txt"), 0)
    truncateSync(stage.stored("study/b/c.csv"), 3 * 32_768 - 1)
    const { stdout } = await stage.run(["verify", torrent, "--json"], { exits: 5 })
    expect(JSON.parse(stdout)).toMatchObject({
      badPieces: [
        { first: 3, count: 1 },
        { first: 6, count: 2 },
      ],
    })
  })

  it("is fetched whole beside a source of wrong bytes, resumed, and repaired", async () => {
    await using stage = await Stage.open()
    const { torrent, data } = await made(stage)
    const wrong = stage.beside("wrong")
    cpSync(data, wrong, { recursive: true })
    for (const offset of [0, 40_000, 99_999]) flipByte(`${wrong}/a.csv`, offset)
    const server = await startWebServer(({ path, headers }) => {
      const whole = new Uint8Array(readFileSync(stage.beside(`wrong/${path.replace(/^\/study\//, "")}`)))
      const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers["range"] ?? "bytes=0-")!
      const end = to === "" ? whole.length : Number(to) + 1
      const range = { "content-range": `bytes ${from}-${end - 1}/${whole.length}` }
      return { status: 206, headers: range, body: whole.subarray(Number(from), end) }
    })
    const giver = stage.start(["seed", torrent, "--data", data, "--no-tracker", "--json"])
    try {
      await giver.until("it gives", () => giver.stdout.includes('"port"'))
      const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
      const args = ["get", torrent, "--url", `${server.origin}/`, "--peer", `127.0.0.1:${String(port)}`]
      await stage.run(args)
      expect(await differences(data, stage.stored("study"))).toEqual([])
      // What the journal says is believed.
      await stage.run(["get", torrent, "--offline"])
      rmSync(stage.stored("study/b/c.csv"))
      flipByte(stage.stored("study/z.txt"), 3)
      await stage.run(["verify", torrent, "--repair", "--peer", `127.0.0.1:${String(port)}`])
      expect(await differences(data, stage.stored("study"))).toEqual([])
    } finally {
      giver.signal("SIGTERM")
      await giver.exits(143)
      await server.close()
    }
  })
})

it.each([0, 1])(
  "a hybrid whose .torrent has %i of its 2 piece layers is given, fetched and verified by SHA-1",
  async (count) => {
    await using stage = await Stage.open()
    const { torrent, data } = await make(stage, "hybrid")
    writeFileSync(torrent, withLayers(readFileSync(torrent), count))
    const giver = stage.start(["seed", torrent, "--data", data, "--no-tracker", "--json"])
    try {
      await giver.until("it gives", () => giver.stdout.includes('"port"'))
      const { port } = jsonLines(giver.stdout).find(({ type }) => type === "seeding") ?? {}
      await stage.run(["get", torrent, "--peer", `127.0.0.1:${String(port)}`])
      expect(await differences(data, stage.stored("study"))).toEqual([])
      flipByte(stage.stored("study/a.csv"), 99_999)
      await stage.run(["verify", torrent], { exits: 5 })
    } finally {
      giver.signal("SIGTERM")
      await giver.exits(143)
    }
  },
)
