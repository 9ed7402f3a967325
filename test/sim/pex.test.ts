import { describe, expect, it } from "vitest"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
const LIMIT = 600_000
const at = (host: string) => ({ host, port: 6881 })

/** A seed, a slow client in the middle that knows it, and one who knows only the middle. */
async function play({ pex, isPrivate }: { pex: boolean; isPrivate: boolean }) {
  const simulation = createSimulation({ seed: 3 })
  const made = simDataset({ "a.bin": 6000 * KiB }, { pieceLength: 32 * KiB })
  const dataset = { ...made, metainfo: { ...made.metainfo, private: isPrivate } }
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
  const seeder = simulation.platform("10.0.0.1", { latency: 5, up: 400 * KiB })
  putDataset(seeder, dataset)
  const common = { dataset, pex, seed: true }
  const nodes = [await until(startNode({ ...common, platform: seeder, fetch: false }))]
  const middle = simulation.platform("10.0.0.2", { latency: 5 })
  nodes.push(await until(startNode({ ...common, platform: middle, peers: [at("10.0.0.1")] })))
  await simulation.run(1000)
  const last = simulation.platform("10.0.0.3", { latency: 5 })
  const node = await until(startNode({ ...common, platform: last, peers: [at("10.0.0.2")] }))
  nodes.push(node)
  await simulation.run(5000)
  const { connected } = node.torrent.snapshot().peers
  await until(node.torrent.whenComplete())
  expect(wrongFiles(last, dataset)).toEqual([])
  await until(Promise.all(nodes.map((one) => one.close())))
  return connected
}

describe("peer exchange", () => {
  it("leads a newcomer to those whom its peers know", async () => {
    expect(await play({ pex: true, isPrivate: false })).toBe(2)
  })

  it("can be switched off, and is off for private torrents", async () => {
    expect(await play({ pex: false, isPrivate: false })).toBe(1)
    expect(await play({ pex: true, isPrivate: true })).toBe(1)
  })
})
