import { describe, expect, it } from "vitest"
import { startWebSeed } from "../../../testbed/web-seed.js"
import { differences } from "../../support/trees.js"
import { jsonLines } from "./command.js"
import { disposable, Stage, sameFile } from "./stage.js"

const CREATE = { pieceLength: 65_536 }
const LENGTH = 1_500_000
/** A port of loopback that nothing listens on. */
const DEAD = "127.0.0.1:9"

describe("no source", () => {
  it("is 4 at once when nobody is named", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH)
    const started = performance.now()
    const outcome = await stage.run(["get", stage.torrentFile(dataset), "--json"], { exits: 4 })
    expect(performance.now() - started).toBeLessThan(5000)
    expect(jsonLines(outcome.stdout).at(-1)).toMatchObject({
      type: "error",
      code: "AT_NO_SOURCES",
      hint: expect.stringContaining("--peer") as string,
    })
  })

  it("is 4 when the only web seed has no such file, and says which", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH)
    await using webSeed = disposable(await startWebSeed({ mounts: {} }))
    const outcome = await stage.run(["get", stage.torrentFile(dataset), "--url", `${webSeed.url}/one.bin`], {
      exits: 4,
    })
    expect(outcome.stderr).toContain(`${webSeed.url}/one.bin`)
  })

  it("is 4 when the only peer that is named can't be used, and says why", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH)
    const args = ["get", stage.torrentFile(dataset), "--no-dht", "--peer", "169.254.1.1:6881"]
    const { stderr } = await stage.run(args, { exits: 4 })
    expect(stderr).toMatch(/error: no peer.*; 169\.254\.1\.1 is not called: no peer can be there/)
  })

  it("is 4 when a torrent would only send queries into the user's network, and says so; the user may", async () => {
    const mounts: Record<string, string> = {}
    await using router = disposable(await startWebSeed({ mounts }))
    const url = `${router.url}/one.bin?action=reboot`
    await using stage = await Stage.open({ announce: "none" })
    const trackers = [[`${router.url}/goform/reboot/announce?now=1`]]
    const dataset = await stage.publish("one.bin", LENGTH, { create: { trackers, webSeeds: [url] } })
    mounts["one.bin"] = dataset.source
    const args = ["get", stage.torrentFile(dataset)]
    const { stderr } = await stage.run(args, { exits: 4 })
    expect(stderr).toContain(`; ${url} is not used: a torrent may not send a query to a local address`)
    expect((await stage.run(["info", stage.torrentFile(dataset)])).stdout).toContain(
      `${url}: a torrent may not send a query to a local address\n`,
    )
    expect(router.connections).toBe(0)
    await stage.run([...args, "--url", url])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("is 3 when the only peer that is named for the metadata can't be used: both are said", async () => {
    await using stage = await Stage.open()
    const args = ["get", "0".repeat(40), "--no-dht", "--peer", "169.254.1.1:6881"]
    const { stderr } = await stage.run(args, { exits: 3 })
    expect(stderr).toMatch(
      /error: there is no such dataset at .*; .*169\.254\.1\.1 is not called: no peer can be there/,
    )
  })

  it("is 4 after --timeout when all are dead", async () => {
    await using stage = await Stage.open({ tracker: { knobs: { answer: "hang-up" } } })
    const dataset = await stage.publish("one.bin", LENGTH, { entry: { webSeeds: [`http://${DEAD}/one.bin`] } })
    const started = performance.now()
    const args = ["get", dataset.infoHash, "--json", "--timeout", "1.5s", "--peer", DEAD]
    const outcome = await stage.run(args, { exits: 4 })
    expect(performance.now() - started).toBeGreaterThan(1500)
    expect(jsonLines(outcome.stdout).at(-1)).toMatchObject({
      type: "error",
      code: "AT_STALLED",
      message: expect.stringMatching(/^nothing arrived for 1\.5 s: .*127\.0\.0\.1:9/) as string,
    })
  })

  it("is 4 after --timeout when what was there dies on the way, and the same command goes on later", async () => {
    await using stage = await Stage.open()
    let withheld = true
    const fault = ({ piece }: { piece: number }) => (withheld && piece % 2 === 1 ? "withhold" : undefined)
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, seeders: [{ fault }] })
    const { stderr } = await stage.run(["get", dataset.infoHash, "--timeout", "2s"], { exits: 4 })
    expect(stderr).toMatch(/nothing arrived for 2 s/)
    withheld = false
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    const { blocksServed } = dataset.seeders[0]!
    expect(Math.max(...blocksServed.filter((_, block) => Math.floor(block / 4) % 2 === 0))).toBe(1)
  })

  it("is waited for without --timeout, saying why, until one comes", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { seeders: [{}], announced: false })
    const command = stage.start(["get", dataset.infoHash, "--json"])
    const reason = (): unknown => jsonLines(whole(command.stdout)).at(-1)?.["waitingFor"]
    await command.until("it says why it waits", () => typeof reason() === "string")
    expect(reason()).toBe("the trackers know no peer; no node of the DHT answers")
    const announced = await stage.announced(command, "started")
    dataset.seeders[0]!.connect("127.0.0.1", announced.port)
    await command.exits(0)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("is waited for without --timeout when all are dead, until Ctrl-C: 130", async () => {
    await using stage = await Stage.open({ tracker: { knobs: { answer: "error" } } })
    const dataset = await stage.publish("one.bin", LENGTH, { entry: { webSeeds: [`http://${DEAD}/one.bin`] } })
    const command = stage.start(["get", dataset.infoHash, "--peer", DEAD])
    // Where there is no terminal, a line every ten seconds says where it stands.
    await command.until("a line says why", () => /waiting: /.test(command.stderr), 20)
    expect(command.stderr).toMatch(/^one\.bin: 0\.0 % of 1\.4 MiB, .*waiting: .*127\.0\.0\.1:9/)
    command.signal("SIGINT")
    await command.exits(130)
  })
})

describe("a dead tracker", () => {
  it.for(["silent", "hang-up", "garbage", "html", "error", "failure"] as const)(
    "delays nothing when other sources are named: %s",
    async (answer) => {
      await using stage = await Stage.open({ tracker: { knobs: { answer } } })
      const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
      const started = performance.now()
      await stage.run(["get", dataset.infoHash])
      // Goodbyes may take a while at the end, bytes must not.
      expect(performance.now() - started).toBeLessThan(8000)
      expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    },
  )
})

describe("a liar", () => {
  it("among the peers is named with -v and dropped; the honest one completes", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, {
      create: CREATE,
      seeders: [{ fault: () => "corrupt" }, { rate: 1_500_000 }],
    })
    const [liar, honest] = dataset.seeders
    const { stderr } = await stage.run(["get", dataset.infoHash, "-v"])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(stderr).toMatch(new RegExp(`${liar!.address} sent wrong bytes`))
    expect(stderr).not.toMatch(new RegExp(`${honest!.address} sent wrong bytes`))
    expect(liar!.peers.length).toBe(1)
  })

  it("that lies in one block of many is found and dropped, too", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, {
      create: CREATE,
      seeders: [
        { rate: 1_500_000, fault: ({ sentBefore }) => (sentBefore % 5 === 3 ? "corrupt" : undefined) },
        { rate: 1_500_000 },
      ],
    })
    const { stderr } = await stage.run(["get", dataset.infoHash, "-v"])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(stderr).toMatch(new RegExp(`${dataset.seeders[0]!.address} sent wrong bytes`))
    expect(stderr).not.toMatch(new RegExp(`${dataset.seeders[1]!.address} sent wrong bytes`))
  })

  it("among the web seeds is named with -v and given up; the honest one completes", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, {
      create: CREATE,
      webSeeds: [{ fault: () => ({ kind: "wrong-bytes" }) }, { rate: 1_500_000 }],
    })
    const { stderr } = await stage.run(["get", dataset.infoHash, "-v"])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(stderr).toMatch(new RegExp(`^warn .*${dataset.webSeeds[0]!.url}.*wrong`, "m"))
    expect(stderr).not.toMatch(new RegExp(`^warn .*${dataset.webSeeds[1]!.url}`, "m"))
  })

  it("that is the only web seed is 4 in the end", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH, {
      create: CREATE,
      webSeeds: [{ fault: () => ({ kind: "html" }) }],
    })
    await stage.run(["get", dataset.infoHash, "--timeout", "10s"], { exits: 4 })
  })
})

describe("an odd web server", () => {
  it("without ranges still gives all", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const fault = () => ({ kind: "no-ranges" }) as const
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, webSeeds: [{ fault }] })
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    // The first few connections learn it, each for itself; then there is one.
    expect(dataset.webSeeds[0]!.requests.length).toBeLessThan(6)
  })

  it("without ranges still gives a folder", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const fault = () => ({ kind: "no-ranges" }) as const
    const files = { "a.csv": 200_000, "b.csv": 10, "c/d.bin": 700_000, empty: 0 }
    const dataset = await stage.publish("study", files, { create: CREATE, webSeeds: [{ fault }] })
    await stage.run(["get", dataset.infoHash])
    expect(await differences(dataset.source, stage.stored("study"))).toEqual([])
  })

  it("that cuts each answer is asked for the rest", async () => {
    await using stage = await Stage.open({ announce: "none" })
    let cuts = 0
    const fault = () => (cuts++ < 3 ? ({ kind: "cut", after: 200_000 } as const) : undefined)
    const dataset = await stage.publish("one.bin", LENGTH, { create: CREATE, webSeeds: [{ fault }] })
    await stage.run(["get", dataset.infoHash])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    expect(dataset.webSeeds[0]!.bytesServed).toBeLessThan(1.5 * LENGTH)
  })
})

/** What was printed, up to the last whole line. */
function whole(text: string): string {
  return text.slice(0, text.lastIndexOf("\n") + 1)
}
