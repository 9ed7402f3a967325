import { describe, expect, it } from "vitest"
import { encodeUtf8 } from "../../src/bytes/text.js"
import { AtError } from "../../src/errors.js"
import { serveFiles } from "./lib/serve-files.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { addTorrent, type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 600_000
const WEB = "http://10.0.1.1/"
const TRACKER = "http://10.0.2.1/announce"
const TWO = { "a.bin": MiB, "b.bin": MiB }

function serve(simulation: Simulation, dataset: SimDataset, without?: string): void {
  simulation.machine("10.0.1.1", { latency: 20 })
  const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
  if (without !== undefined) files.delete(`/data/${without}`)
  simulation.web.serve("http://10.0.1.1", serveFiles(files))
}

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

describe("when nobody has what is missing", () => {
  it("a lone web seed without a file is named, with what it lacks", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset, "b.bin")
    const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
    const outcome = await simulation.runUntil(
      node.torrent.whenComplete().catch((error: unknown) => error),
      LIMIT,
    )
    expect(outcome).toMatchObject({ code: "AT_NO_SOURCES" })
    expect(String(outcome)).toMatch(/10\.0\.1\.1.* lacks 16 of the missing pieces/)
    expect(node.torrent.snapshot().doneBytes).toBe(MiB)
    await close(simulation, node)
  })

  it.each(["forbidden", "error"] as const)(
    "a lone web seed that refuses many files (%s) gives all others at once, and is given up after a quarter of an hour",
    async (fault) => {
      const simulation = createSimulation({ seed: 8 })
      const names = Array.from({ length: 200 }, (_, at) => `${at}.${at % 5 === 2 ? "secret" : "bin"}`)
      const dataset = simDataset(Object.fromEntries(names.map((name) => [name, 64 * KiB])), {
        ...{ pieceLength: 64 * KiB, webSeeds: [WEB] },
      })
      simulation.machine("10.0.1.1", { latency: 20 })
      const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
      const serves = serveFiles(files, { fault: ({ path }) => (path.endsWith(".secret") ? fault : undefined) })
      const web = simulation.web.serve("http://10.0.1.1", serves)
      const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
      const complete = node.torrent.whenComplete().catch((error: unknown) => error)
      await simulation.runUntil(() => node.torrent.snapshot().doneBytes === 160 * 64 * KiB, 5_000)
      await simulation.run(10_000)
      expect(node.torrent.snapshot().waitingFor).toMatch(/is tried again in \d+ s: it answered (403|500)/)
      const outcome = await simulation.runUntil(complete, 1_000_000)
      expect(outcome).toMatchObject({ code: "AT_NO_SOURCES" })
      expect(String(outcome)).toMatch(/lacks 40 of the missing pieces/)
      expect(web.requests.length).toBeLessThan(2 * (160 + 40 * 6))
      await close(simulation, node)
    },
  )

  it("because a lone web seed forbids the first file, all others are there at once", async () => {
    const simulation = createSimulation({ seed: 9 })
    const dataset = simDataset({ ".htaccess": 5, ...TWO }, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    simulation.machine("10.0.1.1", { latency: 20 })
    const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
    const fault = ({ path }: { path: string }) => (path.endsWith("/.htaccess") ? "forbidden" : undefined)
    simulation.web.serve("http://10.0.1.1", serveFiles(files, { fault }))
    const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
    await simulation.runUntil(() => node.torrent.snapshot().doneBytes === 2 * MiB + 5 - 64 * KiB, 5_000)
    await close(simulation, node)
  })

  it("because a lone web seed has another file in its place, all else is there, and it is told which pieces are wrong", async () => {
    const simulation = createSimulation({ seed: 7 })
    const files = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`${at}.bin`, 256 * KiB]))
    const dataset = simDataset(files, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    simulation.machine("10.0.1.1", { latency: 20 })
    const served = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
    served.set("/data/0.bin", new Uint8Array(256 * KiB))
    simulation.web.serve("http://10.0.1.1", serveFiles(served))
    const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
    const outcome = await simulation.runUntil(
      node.torrent.whenComplete().catch((error: unknown) => error),
      LIMIT,
    )
    expect(outcome).toMatchObject({ code: "AT_NO_SOURCES" })
    expect(String(outcome)).toMatch(/lacks 4 of the missing pieces: the hashes of pieces [\d, ]+ are wrong/)
    expect(node.torrent.snapshot().doneBytes).toBe(7 * 256 * KiB)
    await close(simulation, node)
  })

  it("says why at any time to who asks, and by itself after three seconds without a byte", async () => {
    const simulation = createSimulation({ seed: 2 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, trackers: [[TRACKER]] })
    serveTracker(simulation, "10.0.2.1")
    const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
    await simulation.run(2_900 - node.torrent.idleTime)
    expect(node.torrent.snapshot().waitingFor).toBeNull()
    expect(node.torrent.waitingFor()).toMatch(/tracker/)
    await simulation.run(100)
    expect(node.torrent.snapshot().waitingFor).toMatch(/tracker/)
    await close(simulation, node)
  })

  it("but a tracker may answer later, waits, and says why", async () => {
    const simulation = createSimulation({ seed: 2 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB], trackers: [[TRACKER]] })
    serve(simulation, dataset, "b.bin")
    serveTracker(simulation, "10.0.2.1")
    const node = await simulation.runUntil(startNode({ platform: simulation.platform("10.0.0.1"), dataset }), LIMIT)
    await simulation.run(LIMIT)
    expect(node.torrent.state).toBe("downloading")
    expect(node.torrent.snapshot().waitingFor).toMatch(/lacks 16 of the missing pieces/)
    await close(simulation, node)
  })
})

describe("who gives", () => {
  it("is told as long as nobody is connected and no tracker takes it, also while they are asked again", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, trackers: [[TRACKER], ["http://10.0.2.2/announce"]] })
    simulation.machine("10.0.2.1")
    const body = encodeUtf8("d14:failure reason14:not authorizede")
    simulation.web.serve("http://10.0.2.1", () => ({ status: 200, body }))
    const own = simulation.platform("10.0.0.1")
    putDataset(own, dataset)
    const giver = await simulation.runUntil(startNode({ platform: own, dataset, fetch: false, seed: true }), LIMIT)
    await simulation.run(60_000)
    for (let second = 0; second < 600; second++) {
      expect(giver.torrent.snapshot().waitingFor).toBe("no tracker answers (not authorized)")
      await simulation.run(1000)
    }
    const platform = simulation.platform("10.0.0.2")
    const peers = [{ host: "10.0.0.1", port: 6881 }]
    const taker = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
    await simulation.run(50)
    expect(giver.torrent.snapshot()).toMatchObject({ peers: { connected: 1 }, waitingFor: null })
    await close(simulation, giver, taker)
  })

  it("is told that the tracker is asked for other datasets first, as long as that is so", async () => {
    const simulation = createSimulation({ seed: 5 })
    serveTracker(simulation, "10.0.2.1", { profile: { latency: 4_000 } })
    const platform = simulation.platform("10.0.0.1")
    const [first, ...others] = ["a", "b", "c"].map((name) => {
      const dataset = simDataset(TWO, { name, pieceLength: 64 * KiB, trackers: [[TRACKER]] })
      putDataset(platform, dataset)
      return { platform, dataset, fetch: false, seed: true }
    })
    const giver = await simulation.runUntil(startNode(first!), LIMIT)
    const torrents = [giver.torrent]
    for (const other of others) torrents.push(await simulation.runUntil(addTorrent(giver.session, other), LIMIT))
    const said = () => torrents.map((torrent) => torrent.snapshot().waitingFor)
    await simulation.run(1_000)
    expect(said()).toEqual([null, null, "the trackers are asked for other datasets first"])
    await simulation.run(60_000)
    expect(said()).toEqual([null, null, null])
    await close(simulation, giver)
  })

  it("is told of no tracker where one of them knows it, or where there is none", async () => {
    const simulation = createSimulation({ seed: 5 })
    serveTracker(simulation, "10.0.2.1")
    for (const trackers of [[["http://10.0.2.2/announce"], [TRACKER]], []]) {
      const dataset = simDataset(TWO, { pieceLength: 64 * KiB, trackers })
      const platform = simulation.platform(`10.0.0.${trackers.length + 1}`)
      putDataset(platform, dataset)
      const giver = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
      await simulation.run(60_000)
      expect(giver.torrent.snapshot()).toMatchObject({ state: "seeding", waitingFor: null })
      await close(simulation, giver)
    }
  })
})

describe("a tracker", () => {
  it("hears of a part of the dataset as a part: bytes left, and never completed", async () => {
    const simulation = createSimulation({ seed: 3 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB], trackers: [[TRACKER]] })
    serve(simulation, dataset)
    const heard = serveTracker(simulation, "10.0.2.1")
    const selected = new Set([dataset.metainfo.layout.files.findIndex(({ path }) => path === "a.bin")])
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, selected, seed: true }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    await simulation.run(5000)
    await close(simulation, node)
    expect(heard[0]?.get("left")).toBe(String(2 * MiB))
    expect(heard.at(-1)?.get("left")).toBe(String(MiB))
    expect(heard.map((asked) => asked.get("event"))).toEqual(["started", "stopped"])
  })

  it("hears that we left when the disk fails", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB], trackers: [[TRACKER]] })
    serve(simulation, dataset)
    const heard = serveTracker(simulation, "10.0.2.1")
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    await simulation.runUntil(() => heard.length > 0, LIMIT)
    node.torrent.onFault(new AtError("AT_DISK_FULL", "no space", { hint: "make room" }))
    await simulation.run(5000)
    expect(heard.at(-1)?.get("event")).toBe("stopped")
    await close(simulation, node)
  })
})

describe("a web seed that knows no ranges", () => {
  it("is not asked for the middle of a large file while a peer brings the rest", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset({ "a.bin": 48 * MiB }, { pieceLength: MiB, webSeeds: [WEB] })
    let requests = 0
    simulation.machine("10.0.1.1", { up: 2 * MiB, latency: 20 })
    const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
    const fault = () => {
      requests++
      return "no-ranges" as const
    }
    simulation.web.serve("http://10.0.1.1", serveFiles(files, { fault }))
    const seederPlatform = simulation.platform("10.0.0.2", { up: 2 * MiB, latency: 5 })
    putDataset(seederPlatform, dataset)
    const seeder = await simulation.runUntil(
      startNode({ platform: seederPlatform, dataset, fetch: false, seed: true }),
      LIMIT,
    )
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    const peers = [{ host: "10.0.0.2", port: 6881 }]
    const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    expect(requests).toBeLessThan(3)
    await close(simulation, node, seeder)
  })
})
