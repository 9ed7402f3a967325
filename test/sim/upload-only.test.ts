import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { encodeExtensionHandshake } from "../../src/wire/extension.js"
import { RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** Virtual ms. */
const LIMIT = 600_000
const SEED = "10.0.0.1"
const PARTIAL = "10.0.0.2"
const OTHER = "10.0.0.3"
const at = (host: string): Endpoint => ({ host, port: 6881 })

/** A seed, and one who has got the first of two files from it and goes on giving. `events`: what the tracker was told. */
async function stage() {
  const simulation = createSimulation({ seed: 1 })
  const trackers = [["http://10.0.2.1/announce"]]
  const dataset = simDataset({ "a.bin": 2 * MiB, "b.bin": 2 * MiB }, { pieceLength: 64 * KiB, trackers })
  const heard = serveTracker(simulation, "10.0.2.1", { interval: 120 })
  const ofPartial = (announce: URLSearchParams) => announce.get("port") === "6881" && announce.get("left") !== "0"
  const events = () => heard.filter(ofPartial).map((announce) => announce.get("event"))
  const platform = simulation.platform(SEED, { latency: 10 })
  putDataset(platform, dataset)
  const seed = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
  const own = simulation.platform(PARTIAL, { latency: 10 })
  const selected = new Set([0])
  const partial = await simulation.runUntil(
    startNode({ platform: own, dataset, selected, seed: true, peers: [at(SEED)] }),
    LIMIT,
  )
  await simulation.runUntil(partial.torrent.whenComplete(), LIMIT)
  const connected = () => partial.torrent.snapshot().peers.connected
  return { simulation, dataset, seed, partial, events, connected }
}

describe("a partial seed (BEP 21)", () => {
  it("and a seed leave each other, and it does not come back", async () => {
    const { simulation, seed, partial, connected } = await stage()
    expect(connected()).toBe(1)
    await simulation.run(15_000)
    expect(connected()).toBe(0)
    expect(seed.torrent.snapshot().peers.connected).toBe(0)
    for (let minute = 0; minute < 10; minute++) {
      await simulation.run(60_000)
      expect(connected()).toBe(0)
    }
    await simulation.runUntil(Promise.all([seed.close(), partial.close()]), LIMIT)
  })

  it("that is connected to by a seed tells it what it is before they part", async () => {
    const simulation = createSimulation({ seed: 2 })
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB })
    const platform = simulation.platform(SEED, { latency: 10 })
    putDataset(platform, dataset)
    const seed = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT)
    const ears = new RecordingSink()
    const puppet = new Puppet(simulation.platform(OTHER, { latency: 10 }), dataset, ears)
    puppet.encoder.extended(0, encodeExtensionHandshake({ messages: new Map(), uploadOnly: true }))
    puppet.encoder.haveAll()
    puppet.connect(SEED)
    await simulation.run(5000)
    expect(puppet.open).toBe(false)
    expect(ears.calls.map(([name]) => name)).toEqual(expect.arrayContaining(["extended", "haveAll"]))
    await simulation.runUntil(seed.close(), LIMIT)
  })

  it("gives to those who want something, and two of them leave each other", async () => {
    const { simulation, dataset, seed, partial, connected } = await stage()
    await simulation.run(15_000)
    const start = (host: string, files: number[]) =>
      startNode({
        platform: simulation.platform(host, { latency: 10 }),
        dataset,
        selected: new Set(files),
        seed: true,
        peers: [at(PARTIAL)],
      })
    const same = await simulation.runUntil(start(OTHER, [0]), LIMIT)
    await simulation.runUntil(same.torrent.whenComplete(), LIMIT)
    expect(connected()).toBe(1)
    await simulation.run(15_000)
    expect(connected()).toBe(0)
    const wantsMore = await simulation.runUntil(start("10.0.0.4", [0, 1]), LIMIT)
    await simulation.run(60_000)
    expect(wantsMore.torrent.snapshot().doneBytes).toBe(2 * MiB)
    expect(connected()).toBe(1)
    await simulation.runUntil(Promise.all([seed, partial, same, wantsMore].map((node) => node.close())), LIMIT)
  })

  it("tells its tracker in every announce, and finds the seed again when it wants more", async () => {
    const { simulation, seed, partial, events, connected } = await stage()
    await simulation.run(400_000)
    expect(events()[0]).toBe("started")
    const later = events().slice(1)
    expect(later.length).toBeGreaterThan(1)
    expect(new Set(later)).toEqual(new Set(["paused"]))
    expect(connected()).toBe(0)
    await simulation.runUntil(partial.torrent.select(new Set([0, 1])), LIMIT)
    await simulation.runUntil(partial.torrent.whenComplete(), LIMIT)
    expect(partial.torrent.snapshot().doneBytes).toBe(4 * MiB)
    await simulation.run(1000)
    expect(connected()).toBe(0)
    await simulation.runUntil(Promise.all([seed.close(), partial.close()]), LIMIT)
  })
})
