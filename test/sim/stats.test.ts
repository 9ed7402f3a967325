import { describe, expect, it } from "vitest"
import { BOTTLENECKS } from "../../src/torrent/statistics/bottleneck.js"
import type { TorrentStats } from "../../src/torrent/statistics/torrent-stats.js"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type MachineOptions, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 3_600_000
const SEEDER = "10.0.0.2"
const WEB = "10.0.1.1"

interface Scene {
  readonly length: number
  readonly pieceLength?: number
  /** Our machine. */
  readonly ours?: MachineOptions
  /** The machine of a peer that has everything. */
  readonly peer?: MachineOptions
  /** The machine of a web seed. */
  readonly web?: MachineOptions
  /** The web seed's bytes are wrong in this place. */
  readonly wrongAt?: number
  readonly maxDownload?: number
}

function serve(simulation: Simulation, dataset: SimDataset, scene: Scene): void {
  simulation.machine(WEB, scene.web)
  const files = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes.slice()]))
  if (scene.wrongAt !== undefined) files.get("/data/a.bin")![scene.wrongAt]! ^= 1
  simulation.web.serve(`http://${WEB}`, serveFiles(files))
}

/** One download to its end. */
async function download(scene: Scene): Promise<TorrentStats> {
  const simulation = createSimulation({ seed: 11 })
  const dataset = simDataset(
    { "a.bin": scene.length },
    { pieceLength: scene.pieceLength ?? 64 * KiB, webSeeds: scene.web === undefined ? [] : [`http://${WEB}/`] },
  )
  if (scene.web !== undefined) serve(simulation, dataset, scene)
  const nodes = []
  if (scene.peer !== undefined) {
    const platform = simulation.platform(SEEDER, scene.peer)
    putDataset(platform, dataset)
    nodes.push(await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT))
  }
  const node = await simulation.runUntil(
    startNode({
      platform: simulation.platform("10.0.0.1", scene.ours),
      dataset,
      peers: scene.peer === undefined ? [] : [{ host: SEEDER, port: 6881 }],
      ...(scene.maxDownload === undefined ? {} : { limits: { maxDownload: scene.maxDownload } }),
    }),
    LIMIT,
  )
  const started = simulation.clock.now()
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
  const took = simulation.clock.now() - started
  await simulation.runUntil(Promise.all([node, ...nodes].map((one) => one.close())), LIMIT)
  const stats = node.torrent.stats()
  addsUp(stats, scene.length, took)
  return stats
}

function addsUp(stats: TorrentStats, length: number, took: number): void {
  const { waits, received, wasted, commits } = stats
  const waited = BOTTLENECKS.reduce((sum, name) => sum + waits[name], 0)
  expect(waits.total).toBeCloseTo(waited)
  expect(waits.total).toBeCloseTo(took)
  expect(stats.elapsed).toBeGreaterThanOrEqual(waits.total - 0.001)
  expect(received.fromPeers + received.fromWebSeeds).toBe(received.total)
  const { duplicate, unasked, corrupt, cutOff, dropped } = wasted
  expect(duplicate + unasked + corrupt + cutOff + dropped).toBe(wasted.total)
  expect(received.total - wasted.total).toBe(length)
  const { store, hash, disk } = commits
  expect(store.bytes + hash.bytes).toBe(length + corrupt)
  expect(store.bytes + disk.bytes).toBeGreaterThanOrEqual(length)
}

describe("the stats of a download say that", () => {
  it("the disk is too slow: memory was full, and pieces waited long to be stored", async () => {
    const fast = 50_000_000
    const stats = await download({
      length: 80 * MiB,
      pieceLength: 8 * MiB,
      ours: { down: fast, latency: 1, disk: { delay: 20_000 } },
      peer: { up: fast, latency: 1 },
    })
    expect(stats.waits.noSlot).toBeGreaterThan(0.4 * stats.waits.total)
    expect(stats.slots).toEqual({ capacity: 8, peak: 8, bytesEach: 8 * MiB })
    expect(stats.commits.meanTime).toBeGreaterThan(5_000)
    expect(stats.commits.maxTime).toBeGreaterThan(stats.commits.meanTime)
    const { store, hash, disk } = stats.commits
    expect(store.writing + disk.busy).toBeGreaterThan(100 * (store.hashing + hash.busy))
    expect(store.maxPieces + disk.maxPieces).toBeGreaterThan(1)
  })

  it("the peer's link is the limit: its window of requests was full", async () => {
    const stats = await download({ length: 24 * MiB, ours: { latency: 20 }, peer: { up: 2 * MiB, latency: 20 } })
    expect(stats.waits.windowFull).toBeGreaterThan(0.8 * stats.waits.total)
    expect(stats.waits.noSlot).toBe(0)
    expect(stats.received.fromWebSeeds).toBe(0)
    expect(stats.connections).toEqual({ peersPeak: 1, webSeedsPeak: 0 })
  })

  it("a web seed sets the pace", async () => {
    const stats = await download({ length: 16 * MiB, ours: {}, web: { up: 2 * MiB, latency: 20 } })
    expect(stats.waits.webSeed).toBeGreaterThan(0.8 * stats.waits.total)
    expect(stats.received.fromPeers).toBe(0)
    expect(stats.connections.webSeedsPeak).toBeGreaterThan(0)
  })

  it("our own limit sets the pace", async () => {
    const stats = await download({ length: 8 * MiB, ours: {}, peer: { latency: 1 }, maxDownload: MiB })
    expect(stats.waits.limit).toBeGreaterThan(0.3 * stats.waits.total)
  })

  it("a source sent wrong bytes", async () => {
    const stats = await download({
      length: 8 * MiB,
      ours: { latency: 5 },
      peer: { up: MiB, latency: 5 },
      web: { up: MiB, latency: 5 },
      wrongAt: 100 * KiB,
    })
    expect(stats.wasted.corrupt).toBe(64 * KiB)
  })
})
