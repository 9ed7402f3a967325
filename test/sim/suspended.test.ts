import { describe, expect, it } from "vitest"
import { serveFiles } from "./lib/serve-files.js"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const MiB = 1024 * 1024
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600_000
const LENGTH = 16 * MiB
const RATE = MiB
const WEB = "http://10.0.1.1"

describe("who is suspended in the middle of a download (Ctrl-Z, a scheduler, a machine asleep)", () => {
  it.each([
    ["a peer", 1, false],
    ["a peer", 30, false],
    ["a peer", 100, false],
    ["a web seed", 30, true],
  ])("goes on with %s after %i s as if nothing had been", async (_, seconds, web) => {
    const simulation = createSimulation({ seed: 1 })
    const dataset = simDataset({ "a.bin": LENGTH }, { pieceLength: MiB / 4, webSeeds: web ? [`${WEB}/`] : [] })
    const seeder = simulation.platform("10.0.0.2", { up: RATE, latency: 20 })
    putDataset(seeder, dataset)
    simulation.machine("10.0.1.1", { up: RATE, latency: 20 })
    simulation.web.serve(WEB, serveFiles(new Map([["/data/a.bin", dataset.files.get("data/a.bin")!]])))
    const seed = await simulation.runUntil(startNode({ platform: seeder, dataset, fetch: false, seed: true }), LIMIT)
    const machine = simulation.machine("10.0.0.1", { latency: 5 })
    const { platform } = machine
    const peers = web ? [] : [{ host: "10.0.0.2", port: 6881 }]
    const { torrent, close } = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
    await simulation.run(4 * SECOND)
    machine.suspend()
    const left = LENGTH - torrent.fetchedBytes
    await simulation.run(seconds * SECOND)
    machine.resume()
    const resumed = simulation.clock.now()
    await simulation.runUntil(torrent.whenComplete(), LIMIT)
    expect(simulation.clock.now() - resumed).toBeLessThan((left / RATE) * SECOND + SECOND)
    expect(torrent.stats().wasted.total).toBe(0)
    expect(wrongFiles(platform, dataset)).toEqual([])
    await simulation.runUntil(Promise.all([close(), seed.close()]), LIMIT)
    expect(platform.clock.pendingTimers).toBe(0)
  })
})
