import { expect, it } from "vitest"
import type { Hasher } from "../../src/ports/hasher.js"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform } from "./lib/simulation.js"

const PIECE = 256 * 1024
const PORT = 6881
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 600 * SECOND

/** Each piece takes half a second more. */
function hashSlowly({ clock, hasher }: SimPlatform): void {
  const { hashPieces, storePieces } = hasher
  const soon = (): Promise<void> => new Promise((resolve) => clock.after(SECOND / 2, resolve))
  const slow: Pick<Hasher, "hashPieces" | "storePieces"> = {
    hashPieces: async (...args) => soon().then(() => hashPieces.apply(hasher, args)),
    storePieces: async (...args) => soon().then(() => storePieces.apply(hasher, args)),
  }
  Object.assign(hasher, slow)
}

it("who comes while the last piece is hashed is asked for it at once when it is spoiled", async () => {
  const simulation = createSimulation({ seed: 1 })
  const dataset = simDataset({ "a.bin": PIECE }, { pieceLength: PIECE })
  const [spoiled, good] = ["10.0.0.2", "10.0.0.3"].map((host) => {
    const platform = simulation.platform(host, { latency: 5 })
    putDataset(platform, dataset)
    return platform
  }) as [SimPlatform, SimPlatform]
  const seed = { dataset, fetch: false, seed: true }
  const first = await simulation.runUntil(startNode({ ...seed, platform: spoiled }), LIMIT)
  spoiled.disk.flipByte("/store/data/a.bin", PIECE / 2)
  const platform = simulation.platform("10.0.0.1", { latency: 5 })
  hashSlowly(platform)
  const peers = [{ host: "10.0.0.2", port: PORT }]
  const node = await simulation.runUntil(startNode({ platform, dataset, peers }), LIMIT)
  await simulation.runUntil(() => node.torrent.fetchedBytes === PIECE, LIMIT)
  const towards = [{ host: "10.0.0.1", port: PORT }]
  const second = await simulation.runUntil(startNode({ ...seed, platform: good, peers: towards }), LIMIT)
  const start = simulation.clock.now()
  await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
  expect(simulation.clock.now() - start).toBeLessThan(2 * SECOND)
  expect(node.torrent.stats().wasted.corrupt).toBe(PIECE)
  expect(wrongFiles(platform, dataset)).toEqual([])
  await simulation.runUntil(Promise.all([first, second, node].map((each) => each.close())), LIMIT)
  expect(platform.clock.pendingTimers).toBe(0)
})
