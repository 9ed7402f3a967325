import { existsSync, rmSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { toBase32 } from "../../../src/bytes/base32.js"
import { jsonLines } from "./command.js"
import { type Original, Stage, sameFile } from "./stage.js"

const LENGTH = 200_000

async function published(stage: Stage): Promise<Original> {
  return stage.publish("numbers.bin", LENGTH, { seeders: [{}] })
}

describe("a target", () => {
  const forms: Record<string, (stage: Stage, dataset: Original) => string> = {
    "an infohash": (_, { infoHash }) => infoHash,
    "an infohash in capitals": (_, { infoHash }) => infoHash.toUpperCase(),
    "an infohash in base32": (_, { infoHash }) => toBase32(Buffer.from(infoHash, "hex")),
    "a magnet link": (_, { infoHash }) => `magnet:?xt=urn:btih:${infoHash}&dn=numbers`,
    "a magnet link with a name in Latin-1": (_, { infoHash }) => `magnet:?xt=urn:btih:${infoHash}&dn=caf%E9 100%`,
    "a details page": (stage, { infoHash }) => `${stage.testbed.url}/details/${infoHash}`,
    "the technical tab of a details page": (stage, { infoHash }) => `${stage.testbed.url}/details/${infoHash}/tech`,
    "a details page of the service itself": (_, { infoHash }) => `https://academictorrents.com/details/${infoHash}`,
    "the URL of a .torrent": (stage, { infoHash }) => `${stage.testbed.url}/download/${infoHash}.torrent`,
    "the path of a .torrent": (stage, dataset) => stage.torrentFile(dataset),
  }

  it.for(Object.entries(forms))("may be %s", async ([, form]) => {
    await using stage = await Stage.open()
    const dataset = await published(stage)
    const peers = dataset.seeders.map((seeder) => seeder.address)
    const { stdout } = await stage.run(["get", form(stage, dataset), "--peer", peers[0]!])
    expect(stdout).toBe(`${stage.stored("numbers.bin")}\n`)
    expect(sameFile(stage.stored("numbers.bin"), dataset.source)).toBe(true)
  })

  it("may be a URL that is no page of the service's", async () => {
    await using stage = await Stage.open({
      site: { fault: ({ url }) => (url === "/files/data.torrent" ? { kind: "body", body: bytes } : undefined) },
    })
    const dataset = await published(stage)
    const bytes = dataset.torrent.bytes
    const peer = dataset.seeders[0]!.address
    await stage.run(["get", `${stage.testbed.url}/files/data.torrent`, "--peer", peer])
    expect(sameFile(stage.stored("numbers.bin"), dataset.source)).toBe(true)
  })

  it("may be a .torrent at a mirror that has the URLs of the service", async () => {
    await using stage = await Stage.open()
    const { infoHash, source } = await published(stage)
    const mirrored = `${stage.testbed.url}/download/${infoHash}.torrent`
    await stage.run(["get", mirrored], { env: { AT_SITE: "http://127.0.0.1:9" } })
    expect(sameFile(stage.stored("numbers.bin"), source)).toBe(true)
  })

  it("needs the site once: after that its .torrent is known by infohash", async () => {
    let down = false
    await using stage = await Stage.open({
      site: { fault: () => (down ? { kind: "status", status: 503 } : undefined) },
    })
    const dataset = await published(stage)
    await stage.run(["get", dataset.infoHash])
    down = true
    const asked = stage.testbed.site.requests.length
    rmSync(stage.datastore, { recursive: true })
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("numbers.bin"), dataset.source)).toBe(true)
    expect(stage.testbed.site.requests.length).toBe(asked)
  })

  it("is the same dataset when only the outside of its .torrent has changed", async () => {
    await using stage = await Stage.open()
    const dataset = await published(stage)
    await stage.run(["get", dataset.infoHash])
    Object.assign(dataset.entry, {
      webSeeds: ["http://127.0.0.1:9/backup/"],
      trackers: [["http://127.0.0.1:9/announce"]],
    })
    rmSync(stage.beside("home", ".cache"), { recursive: true })
    const served = dataset.seeders[0]!.bytesServed
    await stage.run(["get", `${stage.testbed.url}/download/${dataset.infoHash}.torrent`])
    await stage.run(["get", dataset.infoHash])
    expect(dataset.seeders[0]!.bytesServed).toBe(served)
  })
})

describe("metadata that can't be had", () => {
  const hash = "00112233445566778899aabbccddeeff00112233"

  it("is 3 when the site knows no such dataset", async () => {
    await using stage = await Stage.open()
    const { stdout, stderr } = await stage.run(["get", hash], { exits: 3 })
    expect(stdout).toBe("")
    expect(stderr).toMatch(/there is no such dataset/)
    expect(stderr).toMatch(/check the infohash/)
    expect(jsonLines((await stage.run(["get", "--json", hash], { exits: 3 })).stdout).at(-1)).toMatchObject({
      type: "error",
      code: "AT_NOT_FOUND",
    })
  })

  it("is 3 when a web page comes instead of a torrent", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "html" }) } })
    expect(jsonLines((await stage.run(["get", "--json", hash], { exits: 3 })).stdout).at(-1)).toMatchObject({
      type: "error",
      code: "AT_METADATA",
      hint: expect.stringMatching(/./) as string,
    })
  })

  it.for([429, 500, 503])("is 3 when the site answers with status %d", async (status) => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "status", status }) } })
    const { stderr } = await stage.run(["get", hash], { exits: 3 })
    expect(stderr).toContain(String(status))
  })

  it("is 3 when nothing listens at the site's address", async () => {
    await using stage = await Stage.open()
    await stage.run(["get", hash], { exits: 3, env: { AT_SITE: "http://127.0.0.1:9" } })
  })

  it("is 3 when the site cuts the connection within the .torrent", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "cut" }) } })
    const dataset = await published(stage)
    await stage.run(["get", dataset.infoHash], { exits: 3 })
  })

  it("is 3 when the site gives out another dataset's .torrent, and that one is not kept", async () => {
    let lie = true
    await using stage = await Stage.open({
      site: { fault: () => (lie ? { kind: "body", body: other.torrent.bytes } : undefined) },
    })
    const dataset = await published(stage)
    const other = await stage.publish("other.bin", 5000)
    const { stderr } = await stage.run(["get", dataset.infoHash], { exits: 3 })
    expect(stderr).toContain(other.infoHash)
    lie = false
    await stage.run(["get", dataset.infoHash])
  })

  it("is 3 when there is no such .torrent file, or it is a folder", async () => {
    await using stage = await Stage.open()
    const absent = await stage.run(["get", stage.beside("absent.torrent")], { exits: 3 })
    expect(absent.stderr).toContain(`there is no file ${stage.beside("absent.torrent")}`)
    await stage.run(["get", stage.home], { exits: 3 })
  })

  it("is said of where it came from", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "html" }) } })
    const { stderr } = await stage.run(["get", hash, "--no-dht"], { exits: 3 })
    expect(stderr).toContain(`${stage.testbed.url}/download/${hash}.torrent: this is a web page, not a torrent`)
    const path = stage.beside("notes.txt")
    writeFileSync(path, "hello")
    expect((await stage.run(["get", path], { exits: 3 })).stderr).toContain(`${path}: this is not a torrent`)
  })

  it("is 4 after --timeout when the site is silent, for that is no reason to give up", async () => {
    await using stage = await Stage.open({ site: { fault: () => ({ kind: "silent" }) } })
    const args = ["get", hash, "--no-dht", "--timeout", "1s"]
    expect((await stage.run(args, { exits: 4 })).stderr).toContain("nothing came for 1 s")
  })

  it("is 3 for a v2 infohash that nobody knows", async () => {
    await using stage = await Stage.open()
    const { stderr } = await stage.run(["get", hash + hash.slice(0, 24)], { exits: 3 })
    expect(stderr).toMatch(/no such dataset/)
  })

  it("is 3 for truncated and hostile .torrent files, and nothing is written", async () => {
    await using stage = await Stage.open()
    const { torrent } = await published(stage)
    const whole = Buffer.from(torrent.bytes)
    const text = whole.toString("latin1")
    const hostile: Record<string, Buffer> = {
      empty: Buffer.alloc(0),
      half: whole.subarray(0, whole.length >> 1),
      "all but one byte": whole.subarray(0, -1),
      "a list": Buffer.from("le"),
      "no info": Buffer.from("d8:announce3:abce"),
      "deeply nested": Buffer.from("l".repeat(200_000)),
      "a string of 2 GB": Buffer.from("d4:info2147483647:x"),
      "a number of 10,000 digits": Buffer.from(`d4:infoi${"9".repeat(10_000)}ee`),
      "negative length": Buffer.from(text.replace(`6:lengthi${LENGTH}e`, "6:lengthi-20000e"), "latin1"),
      "length beyond 2^53": Buffer.from(
        text.replace(`6:lengthi${LENGTH}e`, "6:lengthi99999999999999999999e"),
        "latin1",
      ),
      "piece length 0": Buffer.from(text.replace("12:piece lengthi262144e", "12:piece lengthi0e"), "latin1"),
      "piece length 1": Buffer.from(text.replace("12:piece lengthi262144e", "12:piece lengthi1e"), "latin1"),
    }
    for (const [name, bytes] of Object.entries(hostile)) {
      const path = stage.beside("hostile.torrent")
      writeFileSync(path, bytes)
      const outcome = await stage.start(["get", path, "--timeout", "1s"]).ended
      expect([name, outcome.code]).toEqual([name, 3])
      expect(outcome.stderr).toMatch(/^error: .+\nwhat to do: .+\n$/)
    }
    expect(existsSync(stage.datastore)).toBe(false)
  })
})
