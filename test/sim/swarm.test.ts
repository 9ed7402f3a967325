import { describe, expect, it } from "vitest"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 600_000

const LENGTHS = {
  "a.csv": 700 * KiB,
  "empty.txt": 0,
  "deep/b.bin": 1500 * KiB + 7,
  "deep/c.bin": 33,
  "z.dat": 300 * KiB,
}

function webFiles(dataset: SimDataset): Map<string, Uint8Array> {
  return new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
}

async function seeder(simulation: Simulation, address: string, dataset: SimDataset, up = 2 * MiB): Promise<SimNode> {
  const platform = simulation.platform(address, { up, latency: 10 })
  putDataset(platform, dataset)
  return simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
}

async function complete(simulation: Simulation, node: SimNode): Promise<void> {
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
}

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

describe("a swarm", () => {
  it("of two seeders, a web seed and a downloader brings every byte, and leaves no timer behind", async () => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset(LENGTHS, { pieceLength: 64 * KiB, webSeeds: ["http://10.0.1.1/"] })
    simulation.machine("10.0.1.1", { up: 2 * MiB, latency: 20 })
    simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset)))
    const seeders = [await seeder(simulation, "10.0.0.2", dataset), await seeder(simulation, "10.0.0.3", dataset)]
    const platform = simulation.platform("10.0.0.1", { down: 4 * MiB, latency: 10 })
    const peers = [
      { host: "10.0.0.2", port: 6881 },
      { host: "10.0.0.3", port: 6881 },
    ]
    const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
    await complete(simulation, node)
    const { fromPeers, fromWebSeeds, wasted } = node.torrent.snapshot()
    expect(fromPeers).toBeGreaterThan(0)
    expect(fromWebSeeds).toBeGreaterThan(0)
    expect(wasted).toBeLessThan(0.1 * dataset.metainfo.layout.length)
    await close(simulation, node, ...seeders)
    expect(wrongFiles(platform, dataset)).toEqual([])
    expect(platform.clock.pendingTimers).toBe(0)
  })

  it("of one web seed alone is enough", async () => {
    const simulation = createSimulation({ seed: 2 })
    const dataset = simDataset(LENGTHS, { pieceLength: 64 * KiB, webSeeds: ["http://10.0.1.1/"] })
    simulation.machine("10.0.1.1", { up: MiB })
    simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset)))
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
    await complete(simulation, node)
    await close(simulation, node)
    expect(wrongFiles(platform, dataset)).toEqual([])
  })

  it("of four downloaders and one slow seeder share what they have", async () => {
    const simulation = createSimulation({ seed: 3 })
    const dataset = simDataset({ "a.bin": 32 * MiB }, { pieceLength: 64 * KiB })
    const source = await seeder(simulation, "10.0.0.1", dataset, 2 * MiB)
    const addresses = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]
    const nodes = []
    for (const address of addresses) {
      const platform = simulation.platform(address, { up: 4 * MiB, down: 8 * MiB, latency: 5 })
      const peers = ["10.0.0.1", ...addresses].filter((a) => a !== address).map((host) => ({ host, port: 6881 }))
      nodes.push(await simulation.runUntil(startNode({ platform, dataset, peers, seed: true }), LIMIT))
    }
    await simulation.runUntil(Promise.all(nodes.map((node) => node.torrent.whenComplete())), LIMIT)
    // One copy is 32 MiB: the seeder alone would have had to give four.
    expect(source.torrent.givenBytes).toBeLessThan(1.4 * 32 * MiB)
    await close(simulation, source, ...nodes)
    for (const address of addresses) expect(wrongFiles(simulation.platform(address), dataset)).toEqual([])
  })

  it("that waits for one silent peer at 99 % gets the last block from another (the Python package hung there)", async () => {
    const simulation = createSimulation({ seed: 4 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 256 * KiB })
    const silent = await seeder(simulation, "10.0.0.2", dataset)
    const honest = await seeder(simulation, "10.0.0.3", dataset, 256 * KiB)
    const platform = simulation.platform("10.0.0.1", { latency: 10 })
    const peers = [
      { host: "10.0.0.2", port: 6881 },
      { host: "10.0.0.3", port: 6881 },
    ]
    const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
    const { layout } = dataset.metainfo
    await simulation.runUntil(() => node.torrent.snapshot().doneBytes >= layout.length * 0.5, LIMIT)
    simulation.machine("10.0.0.2").host.cutOff()
    await simulation.runUntil(node.torrent.whenComplete(), 90_000)
    await close(simulation, node, silent, honest)
    expect(wrongFiles(platform, dataset)).toEqual([])
  })

  it("with a web seed that lies bans it, names it and completes from an honest peer", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB, webSeeds: ["http://10.0.1.1/"] })
    simulation.machine("10.0.1.1", {})
    simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset), { fault: () => "wrong-bytes" }))
    const honest = await seeder(simulation, "10.0.0.2", dataset, 512 * KiB)
    const platform = simulation.platform("10.0.0.1")
    const node = await simulation.runUntil(
      startNode({ platform, dataset, peers: [{ host: "10.0.0.2", port: 6881 }] }),
      LIMIT,
    )
    await complete(simulation, node)
    await close(simulation, node, honest)
    expect(wrongFiles(platform, dataset)).toEqual([])
    expect(JSON.stringify(platform.log.lines)).toContain("http://10.0.1.1/")
  })

  it("fetches only the selected files, and does not create their neighbours", async () => {
    const simulation = createSimulation({ seed: 6 })
    const dataset = simDataset(LENGTHS, { pieceLength: 256 * KiB, webSeeds: ["http://10.0.1.1/"] })
    simulation.machine("10.0.1.1", {})
    simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset)))
    const platform = simulation.platform("10.0.0.1")
    const wanted = dataset.metainfo.layout.files.findIndex((file) => file.path === "deep/c.bin")
    const node = await simulation.runUntil(startNode({ platform, dataset, selected: new Set([wanted]) }), LIMIT)
    await complete(simulation, node)
    await close(simulation, node)
    expect(platform.disk.filePaths().filter((path) => path.startsWith("/store/data"))).toEqual([
      "/store/data/deep/c.bin",
    ])
    expect(wrongFiles(platform, dataset)).not.toContain("data/deep/c.bin")
  })

  it("goes on after kill -9 without fetching a verified piece twice", async () => {
    const simulation = createSimulation({ seed: 7 })
    const dataset = simDataset({ "a.bin": 4 * MiB }, { pieceLength: 64 * KiB, webSeeds: ["http://10.0.1.1/"] })
    simulation.machine("10.0.1.1", { up: MiB })
    simulation.web.serve("http://10.0.1.1", serveFiles(webFiles(dataset)))
    const machine = simulation.machine("10.0.0.1")
    let node = await simulation.runUntil(startNode({ platform: machine.platform, dataset }), LIMIT)
    for (let kill = 1; kill <= 5; kill++) {
      const done = (kill / 6) * 4 * MiB
      await simulation.runUntil(() => node.torrent.snapshot().doneBytes >= done, LIMIT)
      const before = node.torrent.snapshot().doneBytes
      const platform = machine.restart()
      node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
      expect(node.torrent.snapshot().doneBytes).toBeGreaterThanOrEqual(before)
    }
    await complete(simulation, node)
    await close(simulation, node)
    expect(wrongFiles(machine.platform, dataset)).toEqual([])
  })

  it("is the same, event by event, for the same seed", async () => {
    const run = async (): Promise<string> => {
      const simulation = createSimulation({ seed: 8 })
      const dataset = simDataset(LENGTHS, { pieceLength: 64 * KiB })
      const source = await seeder(simulation, "10.0.0.2", dataset)
      const platform = simulation.platform("10.0.0.1", { latency: 10 })
      const node = await simulation.runUntil(
        startNode({ platform, dataset, peers: [{ host: "10.0.0.2", port: 6881 }] }),
        LIMIT,
      )
      await complete(simulation, node)
      await close(simulation, node, source)
      return JSON.stringify([platform.disk.operations, simulation.clock.now()])
    }
    expect(await run()).toBe(await run())
  })
})
