import { describe, expect, it } from "vitest"
import { createAbortController } from "../../src/node/abort-controller.js"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"
import type { WebOrigin } from "./lib/virtual-web.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 600_000
const WEB = "http://10.0.1.1/"

function webFiles(dataset: SimDataset): Map<string, Uint8Array> {
  return new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
}

function serve(simulation: Simulation, dataset: SimDataset, up = 8 * MiB): WebOrigin {
  simulation.machine("10.0.1.1", { up, latency: 20 })
  return simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset)))
}

/** Reads until it is stopped. */
function readUntilStopped({ torrent }: SimNode, offset: number, length: number): AbortController {
  const stop = createAbortController()
  torrent.read(offset, length, stop.signal).catch(() => {})
  return stop
}

const NOTHING: ReadonlySet<number> = new Set()

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

function offsetOf({ metainfo }: SimDataset, path: string): number {
  return metainfo.layout.files.find((file) => file.path === path)!.offset
}

function indexOf({ metainfo }: SimDataset, path: string): number {
  return metainfo.layout.files.findIndex((file) => file.path === path)
}

const TWO = { "a.bin": 4 * MiB, "b.bin": 4 * MiB }

describe("a reader", () => {
  it("is told at once when the torrent has failed, and after its end", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
    await simulation.run(1000)
    expect(node.torrent.state).toBe("failed")
    await expect(node.torrent.read(0, 10)).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
    await close(simulation, node)
    await expect(node.torrent.read(0, 10)).rejects.toMatchObject({ code: "AT_NO_SOURCES" })
  })

  it("that waits is told when the torrent is stopped", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1")
    // Where nobody is yet.
    const node = await simulation.runUntil(
      startNode({ platform, dataset, peers: [{ host: "10.0.0.9", port: 6881 }] }),
      LIMIT,
    )
    const reading = node.torrent.read(0, 10).catch((error: unknown) => error)
    await simulation.run(1000)
    await close(simulation, node)
    expect(await simulation.runUntil(reading, LIMIT)).toMatchObject({ code: "AT_ABORTED" })
  })

  it("that finds no source does not end a running seed", async () => {
    const simulation = createSimulation({ seed: 2 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1")
    platform.disk.putFile("/store/data/a.bin", dataset.files.get("data/a.bin")!)
    const node = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
    const reading = node.torrent.read(offsetOf(dataset, "b.bin"), 10).catch((error: unknown) => error)
    expect(await simulation.runUntil(reading, LIMIT)).toMatchObject({ code: "AT_NO_SOURCES" })
    await simulation.run(1000)
    expect(node.torrent.state).toBe("seeding")
    expect(await simulation.runUntil(node.torrent.read(0, 5), LIMIT)).toEqual(
      dataset.files.get("data/a.bin")!.slice(0, 5),
    )
    await close(simulation, node)
  })

  it("gets its bytes although the selection changes meanwhile", async () => {
    const simulation = createSimulation({ seed: 3 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset, 100 * KiB)
    const platform = simulation.platform("10.0.0.1")
    const selected = new Set([indexOf(dataset, "a.bin")])
    const node = await simulation.runUntil(startNode({ platform, dataset, selected }), LIMIT)
    const reading = node.torrent.read(offsetOf(dataset, "b.bin") + 512 * KiB, 10)
    await simulation.runUntil(node.torrent.select(selected), LIMIT)
    expect(await simulation.runUntil(reading, LIMIT)).toHaveLength(10)
    await close(simulation, node)
  })

  it("goes before the rest of the run of a web seed with one connection", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": 64 * MiB }, { pieceLength: 256 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset, MiB)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
    await simulation.run(10_000)
    await simulation.runUntil(node.torrent.read(60 * MiB, 10), 8_000)
    expect(node.torrent.snapshot().doneBytes).toBeLessThan(32 * MiB)
    await close(simulation, node)
  })

  it("has a piece that is gone from the disk fetched again, and so has a seed", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    platform.disk.putFile("/store/data/a.bin", new Uint8Array(MiB))
    const bytes = await simulation.runUntil(node.torrent.read(100 * KiB, 10), LIMIT)
    expect(bytes).toEqual(dataset.files.get("data/a.bin")!.slice(100 * KiB, 100 * KiB + 10))
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    const { doneBytes, donePieces, totalPieces } = node.torrent.snapshot()
    expect([doneBytes, donePieces]).toEqual([MiB, totalPieces])
    expect(node.torrent.state).toBe("seeding")
    await close(simulation, node)
  })
})

describe("a reader that gives up", () => {
  it("has nothing more fetched from a web seed", async () => {
    const simulation = createSimulation({ seed: 8 })
    const dataset = simDataset({ "a.bin": 16 * MiB }, { pieceLength: 256 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset, 500 * KiB)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: NOTHING }), LIMIT)
    const stop = readUntilStopped(node, 0, 16 * MiB)
    await simulation.run(3_000)
    stop.abort()
    const before = node.torrent.fetchedBytes
    await simulation.run(30_000)
    expect(before).toBeGreaterThan(MiB)
    expect(node.torrent.fetchedBytes - before).toBeLessThan(256 * KiB)
    expect(node.torrent.state).toBe("complete")
    await close(simulation, node)
  })

  it("has nothing more fetched from peers, and another one finds them still there", async () => {
    const simulation = createSimulation({ seed: 9 })
    const dataset = simDataset({ "a.bin": 16 * MiB }, { pieceLength: 4 * MiB })
    const seederPlatform = simulation.platform("10.0.0.2", { up: 500 * KiB, latency: 5 })
    putDataset(seederPlatform, dataset)
    const seeder = await simulation.runUntil(
      startNode({ platform: seederPlatform, dataset, fetch: false, seed: true }),
      LIMIT,
    )
    const platform = simulation.platform("10.0.0.1")
    const peers = [{ host: "10.0.0.2", port: 6881 }]
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: NOTHING, peers }), LIMIT)
    const stop = readUntilStopped(node, 0, 16 * MiB)
    await simulation.run(3_000)
    stop.abort()
    const before = node.torrent.fetchedBytes
    await simulation.run(30_000)
    expect(before).toBeGreaterThan(MiB)
    expect(node.torrent.fetchedBytes - before).toBeLessThan(MiB)
    expect(await simulation.runUntil(node.torrent.read(15 * MiB, 10), 12_000)).toHaveLength(10)
    await close(simulation, node, seeder)
  })

  it("takes from others nothing that they wait for, nor their connection", async () => {
    const simulation = createSimulation({ seed: 10 })
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: 16 * KiB, webSeeds: [WEB] })
    simulation.machine("10.0.1.1", { latency: 20 })
    // Between two pieces most of the time.
    const slow = serveFiles(webFiles(dataset), { fault: () => ({ bytesPerSecond: 100 * KiB }) })
    const web = simulation.web.serve("http://10.0.1.1", slow)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: NOTHING }), LIMIT)
    const reading = node.torrent.read(0, MiB)
    const stop = readUntilStopped(node, 512 * KiB, 7 * MiB)
    await simulation.run(400)
    const requests = web.requests.length
    stop.abort()
    // With a tick in between.
    await simulation.run(300)
    expect(web.requests).toHaveLength(requests)
    expect(await simulation.runUntil(reading, LIMIT)).toHaveLength(MiB)
    await simulation.run(10_000)
    expect(node.torrent.fetchedBytes).toBeLessThan(1.25 * MiB)
    await close(simulation, node)
  })

  it("and goes on nearby soon gets what was under way, and nothing twice", async () => {
    const simulation = createSimulation({ seed: 11 })
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: MiB, webSeeds: [WEB] })
    serve(simulation, dataset, MiB)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: NOTHING }), LIMIT)
    const stop = readUntilStopped(node, 0, 4 * MiB)
    // Ticks are 250 ms apart.
    await simulation.run(2_600)
    stop.abort()
    await simulation.run(50)
    await simulation.runUntil(node.torrent.read(MiB, 4 * MiB), LIMIT)
    expect(node.torrent.fetchedBytes).toBe(5 * MiB)
    expect(node.torrent.snapshot().wasted).toBe(0)
    await close(simulation, node)
  })
})

describe("another selection", () => {
  it("takes in what is on the disk already without fetching it", async () => {
    const simulation = createSimulation({ seed: 6 })
    const dataset = simDataset(TWO, { pieceLength: 64 * KiB, webSeeds: [WEB] })
    serve(simulation, dataset)
    const platform = simulation.platform("10.0.0.1")
    putDataset(platform, dataset)
    const selected = new Set([indexOf(dataset, "a.bin")])
    const node = await simulation.runUntil(startNode({ platform, dataset, selected }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    await simulation.runUntil(node.torrent.select(new Set([0, 1])), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    expect(node.torrent.fetchedBytes).toBe(0)
    expect(node.torrent.snapshot().doneBytes).toBe(8 * MiB)
    await close(simulation, node)
  })

  it("does not wait for what is open of the old one", async () => {
    const simulation = createSimulation({ seed: 7 })
    const dataset = simDataset({ "a.bin": 8 * MiB, "b.bin": MiB }, { pieceLength: MiB, webSeeds: [WEB] })
    simulation.machine("10.0.1.1", {})
    const files = webFiles(dataset)
    files.delete("/data/a.bin")
    simulation.web.serve("http://10.0.1.1", serveFiles(files))
    const seederPlatform = simulation.platform("10.0.0.2", { up: 256 * KiB, latency: 5 })
    putDataset(seederPlatform, dataset)
    const seeder = await simulation.runUntil(
      startNode({ platform: seederPlatform, dataset, fetch: false, seed: true }),
      LIMIT,
    )
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    const peers = [{ host: "10.0.0.2", port: 6881 }]
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: new Set([0]), peers }), LIMIT)
    await simulation.run(6000)
    await close(simulation, seeder)
    await simulation.runUntil(node.torrent.select(new Set([1])), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), 60_000)
    const { doneBytes, totalBytes } = node.torrent.snapshot()
    expect([doneBytes, totalBytes]).toEqual([MiB, MiB])
    await close(simulation, node)
  })
})
