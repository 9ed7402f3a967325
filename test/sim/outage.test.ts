import { expect, it } from "vitest"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const MiB = 1024 * 1024
const LENGTH = 40 * MiB
/** Bytes a second of each of three seeds. */
const RATE = MiB / 16
/** Virtual ms. */
const SECOND = 1000
const MINUTE = 60 * SECOND
const LIMIT = 10 * 60 * MINUTE
const TRACKER = "10.0.2.1"

const SEEDS = ["10.0.1.1", "10.0.1.2", "10.0.1.3"]

it.each([
  [1, 1],
  [16, 4],
  [36, 10],
])("a download goes on soon after its network was gone for %i min; seed %i", async (minutes, seed) => {
  const simulation = createSimulation({ seed })
  const dataset = simDataset({ "a.bin": LENGTH }, { pieceLength: MiB / 4, trackers: [[`http://${TRACKER}/announce`]] })
  serveTracker(simulation, TRACKER, { peers: SEEDS.map((host) => ({ host, port: 6881 })) })
  const seeds = []
  for (const host of SEEDS) {
    const platform = simulation.platform(host, { up: RATE, latency: 20 })
    putDataset(platform, dataset)
    seeds.push(await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT))
  }
  const { host, platform } = simulation.machine("10.0.0.1", { latency: 5 })
  const node = await simulation.runUntil(startNode({ platform, dataset }), LIMIT)
  await simulation.run(4 * SECOND)
  host.cutOff()
  const before = node.torrent.fetchedBytes
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(LENGTH)
  await simulation.run(minutes * MINUTE)
  host.comeBack()
  // One soon, and not it alone.
  await simulation.runUntil(() => node.torrent.fetchedBytes > before, 4 * MINUTE)
  await simulation.runUntil(() => node.torrent.snapshot().peers.connected === seeds.length, 4 * MINUTE)
  await simulation.runUntil(Promise.all([node, ...seeds].map((each) => each.close())), LIMIT)
})
