import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { Session } from "../../src/session/session.js"
import type { Torrent } from "../../src/torrent/torrent.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { addTorrent, type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"

const KiB = 1024
/** Virtual ms. */
const LIMIT = 600_000
const US = "10.0.0.1"

const at = (host: string): Endpoint => ({ host, port: 6881 })
/** Where packets go nowhere. */
const nowhere = (torrent: number, count: number): Endpoint[] =>
  Array.from({ length: count }, (_, n) => at(`10.9.${torrent}.${n + 1}`))

function datasetOf(name: string, length = 64 * KiB): SimDataset {
  return simDataset({ "a.bin": length }, { pieceLength: 16 * KiB, name })
}

/** One session, and torrents in it. */
class Stage {
  readonly simulation: Simulation
  readonly #platform: SimPlatform
  #session: Session | undefined
  readonly #others: SimNode[] = []

  constructor(seed: number) {
    this.simulation = createSimulation({ seed })
    this.#platform = this.simulation.platform(US, { latency: 5 })
  }

  async open(maxConnections: number): Promise<void> {
    const opening = Session.open({
      platform: this.#platform,
      clientVersion: "sim",
      port: 6881,
      utp: false,
      maxConnections,
    })
    this.#session = await this.simulation.runUntil(opening, LIMIT)
  }

  add(dataset: SimDataset, peers: readonly Endpoint[]): Promise<Torrent> {
    const adding = addTorrent(this.#session!, { platform: this.#platform, dataset, peers })
    return this.simulation.runUntil(adding, LIMIT)
  }

  async seeder(host: string, dataset: SimDataset, maxUpload?: number): Promise<Endpoint> {
    const platform = this.simulation.platform(host, { latency: 5 })
    putDataset(platform, dataset)
    const limits = maxUpload === undefined ? {} : { maxUpload }
    const starting = startNode({ platform, dataset, fetch: false, seed: true, limits })
    this.#others.push(await this.simulation.runUntil(starting, LIMIT))
    return at(host)
  }

  /** ms until the torrent is complete. */
  async timeOf(torrent: Torrent): Promise<number> {
    const start = this.simulation.clock.now()
    await this.simulation.runUntil(torrent.whenComplete(), LIMIT)
    return this.simulation.clock.now() - start
  }

  async close(): Promise<void> {
    const all = [this.#session!, ...this.#others]
    await this.simulation.runUntil(Promise.all(all.map((one) => one.close())), LIMIT)
  }
}

describe("a torrent that comes to a session whose connections are all in use", () => {
  it("has one at once, where others only try to connect", async () => {
    const stage = new Stage(1)
    await stage.open(20)
    for (let n = 0; n < 3; n++) await stage.add(datasetOf(`dead ${n}`), nowhere(n, 200))
    const dataset = datasetOf("late")
    const seeder = await stage.seeder("10.0.1.1", dataset)
    // In the midst of attempts, which take ten seconds each.
    await stage.simulation.run(25_000)
    const torrent = await stage.add(dataset, [seeder])
    expect(await stage.timeOf(torrent)).toBeLessThan(3_000)
    await stage.close()
  })

  it("has one soon, where all of another's are of use", async () => {
    const stage = new Stage(2)
    await stage.open(20)
    const large = datasetOf("large", 16 * 1024 * KiB)
    const seeders: Endpoint[] = []
    for (let n = 0; n < 24; n++) seeders.push(await stage.seeder(`10.0.2.${n + 1}`, large, 4 * KiB))
    const rich = await stage.add(large, seeders)
    await stage.simulation.run(30_000)
    expect(rich.snapshot().peers.connected).toBe(20)
    const dataset = datasetOf("late")
    const seeder = await stage.seeder("10.0.1.1", dataset)
    const torrent = await stage.add(dataset, [seeder])
    expect(await stage.timeOf(torrent)).toBeLessThan(5_000)
    expect(rich.snapshot().peers.connected).toBeGreaterThanOrEqual(18)
    await stage.close()
  })
})

it("torrents take turns with connecting, whichever comes first", async () => {
  const stage = new Stage(3)
  await stage.open(200)
  // Who is there refuses: addresses are used up as fast as one may connect.
  stage.simulation.machine("10.0.3.1", {})
  const refused = Array.from({ length: 200 }, (_, n) => ({ host: "10.0.3.1", port: 7000 + n }))
  for (let n = 0; n < 60; n++) await stage.add(datasetOf(`refused ${n}`), refused)
  const dataset = datasetOf("last")
  const seeder = await stage.seeder("10.0.1.1", dataset)
  const torrent = await stage.add(dataset, [seeder])
  // Thirty a second take two to get round.
  expect(await stage.timeOf(torrent)).toBeLessThan(4_000)
  await stage.close()
})
