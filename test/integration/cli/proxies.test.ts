import { describe, expect, it } from "vitest"
import { serveRaw } from "../../support/raw-server.js"
import { jsonLines } from "./command.js"
import { Stage, sameFile } from "./stage.js"

const LENGTH = 300_000
/** A port of loopback that nothing listens on. */
const DEAD = "127.0.0.1:9"
/** Peers would need a proxy that is not set. What the testbed serves by HTTP is reached. */
const FOR_HTTP = { HTTPS_PROXY: `http://${DEAD}` }

describe("a proxy that is set only for HTTP", () => {
  it("leaves nobody to share with: seed says so, and what to set", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH)
    const args = ["seed", dataset.infoHash, "--data", dataset.source]
    const { stderr } = await stage.run(args, { env: FOR_HTTP, exits: 2 })
    expect(stderr).toMatch(/nothing can be shared: a proxy is set only for HTTP/)
    expect(stderr).toMatch(/ALL_PROXY=.*NO_PROXY/)
    expect(stderr).not.toMatch(/^sharing/m)
  })

  it("does not keep data from peers that NO_PROXY covers", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH)
    const taker = stage.start(["get", dataset.infoHash])
    const { port } = await stage.announced(taker, "started")
    const args = ["seed", dataset.infoHash, "--data", dataset.source, "--peer", `127.0.0.1:${port}`]
    stage.start(args, { env: { ...FOR_HTTP, NO_PROXY: "127.0.0.0/8" } })
    await taker.exits(0)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("lets get --seed bring the data first, and then fail; a limit of sharing would never be reached", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
    const args = ["get", dataset.infoHash, "--seed", "--seed-ratio", "2", "--json"]
    const lines = jsonLines((await stage.run(args, { env: FOR_HTTP, exits: 2 })).stdout)
    expect(lines.at(-1)).toMatchObject({ type: "error", code: "AT_INVALID_INPUT" })
    expect(lines.filter(({ type }) => type === "seeding")).toEqual([])
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
    await stage.run(["get", dataset.infoHash, "--offline"])
  })

  it("makes a peer useless that NO_PROXY does not cover: with no other source that ends at once", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH)
    const { stderr } = await stage.run(["get", dataset.infoHash, "--peer", DEAD], { env: FOR_HTTP, exits: 4 })
    expect(stderr).toMatch(/error: no peer.*127\.0\.0\.1: there is no proxy for peers/)
    expect(stderr).toMatch(/what to do: .*ALL_PROXY=/)
  })

  it("makes a peer useless: the other sources are used, and people are told", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
    const { stderr } = await stage.run(["get", dataset.infoHash, "--peer", DEAD], { env: FOR_HTTP })
    expect(stderr.split("127.0.0.1: there is no proxy for peers")).toHaveLength(2)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })
})

describe("a proxy of a kind that is not spoken", () => {
  it("keeps nobody from the web where that has proxies of its own, and people are told that peers are not reached", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
    const env = { HTTP_PROXY: `http://${DEAD}`, ...FOR_HTTP, ALL_PROXY: `socks4://${DEAD}`, NO_PROXY: "127.0.0.1" }
    const { stderr } = await stage.run(["get", dataset.infoHash, "-v"], { env })
    expect(stderr).toMatch(/ALL_PROXY is not used/)
    expect(sameFile(stage.stored("one.bin"), dataset.source)).toBe(true)
  })

  it("is looked at by no command that is told not to use the network", async () => {
    await using stage = await Stage.open()
    const dataset = await stage.publish("one.bin", LENGTH)
    const args = ["info", stage.torrentFile(dataset)]
    const env = { ALL_PROXY: `socks4://${DEAD}` }
    expect((await stage.run(args, { env, exits: 2 })).stderr).toMatch(/"socks4:.*is not a usable proxy/)
    await stage.run([...args, "--offline"], { env })
  })
})

describe("a proxy that refuses our password", () => {
  it("ends a get that has no other way, and is sent it once for all web seeds", async () => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH)
    const cleanUps: (() => unknown)[] = []
    let clients = 0
    const port = await serveRaw(cleanUps, (socket) => {
      clients++
      socket.on("data", () =>
        socket.write("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
      )
    })
    const url = `http://me:old@127.0.0.1:${port}`
    const seeds = ["http://a.example/", "https://b.example/"].flatMap((seed) => ["--url", seed])
    const args = ["get", stage.torrentFile(dataset), ...seeds]
    const { stderr } = await stage.run(args, { env: { HTTP_PROXY: url, HTTPS_PROXY: url }, exits: 4 })
    expect(stderr).toMatch(/the proxy does not take this user and password \(it offers: Basic\)/)
    expect(clients).toBe(1)
    for (const cleanUp of cleanUps) cleanUp()
  })
})

describe("a SOCKS proxy", () => {
  it.each(["seed", "get --seed"])("lets nobody in: %s says so once", async (words) => {
    await using stage = await Stage.open({ announce: "none" })
    const dataset = await stage.publish("one.bin", LENGTH, { webSeeds: [{}] })
    await stage.run(["get", dataset.infoHash])
    const args = [...words.split(" "), stage.torrentFile(dataset), "--port", "7000"]
    const command = stage.start(args, { env: { ALL_PROXY: `socks5://${DEAD}` } })
    await command.until("it says so", () => command.stderr.includes("nobody can connect from outside"))
    command.signal("SIGTERM")
    await command.ended
    expect(command.stderr).toMatch(/--port and --map-port have no effect/)
    expect(command.stderr.match(/nobody can connect/g)).toHaveLength(1)
  })
})
