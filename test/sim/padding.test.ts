import { describe, expect, it, vi } from "vitest"
import { BLOCK_LENGTH } from "../../src/metainfo/layout.js"
import { Concurrency } from "../../src/webseed/concurrency.js"
import { serveFiles } from "./lib/serve-files.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, treeDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNodeOptions, startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
/** ms of virtual time. */
const LIMIT = 600_000
const WEB = "10.0.1.1"
const SEEDER = "10.0.0.2"
const TRACKER = "10.0.2.1"
const LINK = { up: 200_000, latency: 20 }

interface Scene extends Pick<SimNodeOptions, "limits" | "selected"> {
  /** How many files there are, and the bytes of each: most of its piece of 256 KiB is padding. */
  readonly files: number
  readonly length: number
  readonly from: readonly ("peer" | "web seed")[]
}

/** One download of a hybrid to its end. */
async function download({ files, length, from, ...options }: Scene) {
  const simulation = createSimulation({ seed: 5 })
  const lengths = Object.fromEntries(Array.from({ length: files }, (_, i) => [`${i}.bin`, length]))
  const made = treeDataset(lengths, { version: "hybrid", pieceLength: 256 * KiB })
  const webSeeds = from.includes("web seed") ? [`http://${WEB}/`] : []
  const trackers = [[`http://${TRACKER}/announce`]]
  const dataset = { ...made, metainfo: { ...made.metainfo, webSeeds, trackers } }
  const heard = serveTracker(simulation, TRACKER)
  simulation.machine(WEB, LINK)
  const served = new Map([...dataset.files].map(([path, bytes]) => [`/${path}`, bytes]))
  simulation.web.serve(`http://${WEB}`, serveFiles(served))
  const nodes = []
  const peers = []
  if (from.includes("peer")) {
    const platform = simulation.platform(SEEDER, LINK)
    putDataset(platform, dataset)
    nodes.push(await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT))
    peers.push({ host: SEEDER, port: 6881 })
  }
  const platform = simulation.platform("10.0.0.1")
  const node = await simulation.runUntil(startNode({ platform, dataset, peers, ...options }), LIMIT)
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
  const progress = node.torrent.snapshot()
  await simulation.runUntil(Promise.all([node, ...nodes].map((one) => one.close())), LIMIT)
  if (options.selected === undefined) expect(wrongFiles(platform, dataset)).toEqual([])
  return { ...progress, left: heard.map((asked) => asked.get("left")) }
}

describe("padding", () => {
  it("is asked of no peer, but for the rest of a block that begins with content", async () => {
    const { fromPeers, wasted } = await download({ files: 20, length: 20_000, from: ["peer"] })
    expect(fromPeers).toBe(20 * 2 * BLOCK_LENGTH)
    expect(wasted).toBe(0)
  })

  it("is not asked for behind the only file that is wanted", async () => {
    const { fromPeers } = await download({ files: 20, length: 20_000, from: ["peer"], selected: new Set([6]) })
    expect(fromPeers).toBe(2 * BLOCK_LENGTH)
  })

  it("is not what a peer helps a web seed with", async () => {
    const { fromPeers, fromWebSeeds, wasted } = await download({
      files: 20,
      length: 20_000,
      from: ["peer", "web seed"],
    })
    expect(fromPeers).toBeGreaterThan(0)
    expect(fromPeers + fromWebSeeds - wasted).toBeLessThanOrEqual(20 * 2 * BLOCK_LENGTH)
    expect(wasted).toBeLessThan(10 * BLOCK_LENGTH)
  })

  it("is no part of what progress counts, nor of what trackers are told is left", async () => {
    const { totalBytes, doneBytes, left } = await download({ files: 20, length: 20_000, from: ["web seed"] })
    expect([totalBytes, doneBytes]).toEqual([400_000, 400_000])
    expect(left[0]).toBe("400000")
    expect(left.at(-1)).toBe("0")
  })

  it("does not end the run that is in it when the piece is stored", async () => {
    const runBegan = vi.spyOn(Concurrency.prototype, "runBegan")
    const { fromWebSeeds, wasted } = await download({
      files: 200,
      length: BLOCK_LENGTH,
      from: ["web seed"],
      // So that it waits there.
      limits: { maxDownload: 50_000 },
    })
    expect(runBegan.mock.calls.length).toBeLessThan(100)
    expect(fromWebSeeds).toBe(200 * BLOCK_LENGTH)
    expect(wasted).toBe(0)
  })
})
