import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 600_000

const at = (host: string): Endpoint => ({ host, port: 6881 })

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

/** Counts the connections that a machine opens. */
function countConnects(platform: SimPlatform): { readonly count: number } {
  const tally = { count: 0 }
  const connect = platform.net.connect.bind(platform.net)
  platform.net.connect = (remote, listener) => {
    tally.count++
    return connect(remote, listener)
  }
  return tally
}

/** Answers every announce with all of these addresses. */
function serveTracker(simulation: Simulation, url: string, peers: readonly Endpoint[]): void {
  const compact = peers.flatMap(({ host, port }) => [...host.split(".").map(Number), port >> 8, port & 255])
  const head = new TextEncoder().encode(`d8:intervali1800e5:peers${compact.length}:`)
  const body = Uint8Array.from([...head, ...compact, "e".charCodeAt(0)])
  simulation.web.serve(url, () => ({ status: 200, body }))
}

describe("two clients", () => {
  it("that connect to each other at the same time keep one connection, and do not connect again", async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const simulation = createSimulation({ seed })
      const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
      const a = simulation.platform("10.0.0.1", { latency: 20 })
      const b = simulation.platform("10.0.0.2", { latency: 20 })
      const connects = [countConnects(a), countConnects(b)]
      putDataset(b, dataset)
      const start = (platform: SimPlatform, peer: string) =>
        startNode({ platform, dataset, seed: true, peers: [at(peer)] })
      const nodes = await simulation.runUntil(Promise.all([start(a, "10.0.0.2"), start(b, "10.0.0.1")]), LIMIT)
      await simulation.runUntil(nodes[0].torrent.whenComplete(), 5_000)
      expect(connects.map(({ count }) => count)).toEqual([1, 1])
      await close(simulation, ...nodes)
      expect(wrongFiles(a, dataset)).toEqual([])
    }
  })

  it("that a tracker brings together at the same moment, each with its own address too, come to an end", async () => {
    for (const seed of [0, 1, 2, 3]) {
      const simulation = createSimulation({ seed })
      const trackers = [["http://10.0.2.1/announce"]]
      const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB, trackers })
      simulation.machine("10.0.2.1", { latency: 30 })
      serveTracker(simulation, "http://10.0.2.1", [at("10.0.0.1"), at("10.0.0.2")])
      const a = simulation.platform("10.0.0.1", { latency: 30 })
      const b = simulation.platform("10.0.0.2", { latency: 45 })
      putDataset(b, dataset)
      const start = (platform: SimPlatform) => startNode({ platform, dataset, seed: true })
      const nodes = await simulation.runUntil(Promise.all([start(a), start(b)]), LIMIT)
      await simulation.runUntil(nodes[0].torrent.whenComplete(), 10_000)
      await close(simulation, ...nodes)
    }
  })

  it("that are connected do not connect the other way again and again", async () => {
    const simulation = createSimulation({ seed: 3 })
    const trackers = [["http://10.0.2.1/announce"]]
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: 64 * KiB, trackers })
    simulation.machine("10.0.2.1", {})
    const a = simulation.platform("10.0.0.1", { latency: 20, down: 128 * KiB })
    const b = simulation.platform("10.0.0.2", { latency: 20 })
    putDataset(b, dataset)
    const first = await simulation.runUntil(startNode({ platform: b, dataset, seed: true }), LIMIT)
    serveTracker(simulation, "http://10.0.2.1", [at("10.0.0.1"), at("10.0.0.2")])
    const connects = countConnects(b)
    const second = await simulation.runUntil(startNode({ platform: a, dataset, peers: [at("10.0.0.2")] }), LIMIT)
    await simulation.run(30_000)
    expect(second.torrent.snapshot().peers.connected).toBe(1)
    // Itself once, as it can't know that address for its own; the other once, as it had not heard of that address before.
    expect(connects.count).toBeLessThanOrEqual(2)
    await close(simulation, first, second)
  })
})

describe("a client that has everything", () => {
  const everything = async (seed: boolean): Promise<number> => {
    const simulation = createSimulation({ seed: 2 })
    const dataset: SimDataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const a = simulation.platform("10.0.0.1", { latency: 10 })
    const b = simulation.platform("10.0.0.2", { latency: 10 })
    putDataset(a, dataset)
    putDataset(b, dataset)
    const connects = countConnects(a)
    const other = await simulation.runUntil(startNode({ platform: b, dataset, seed: true }), LIMIT)
    const node = await simulation.runUntil(
      startNode({ platform: a, dataset, seed, peers: [at("10.0.0.2"), at("10.0.0.3")] }),
      LIMIT,
    )
    await simulation.run(600_000)
    await close(simulation, node, other)
    return connects.count
  }

  it("and gives it finds out once that another has everything too, and backs off from who never answers", async () => {
    expect(await everything(true)).toBeLessThan(20)
  })

  it("and does not give it looks for nobody", async () => {
    expect(await everything(false)).toBe(0)
  })
})
