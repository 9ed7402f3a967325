import { describe, expect, it } from "vitest"
import { RecordingSink } from "../unit/wire/calls.js"
import { Puppet } from "./lib/puppet.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, simDataset } from "./lib/sim-dataset.js"
import { type SimNodeOptions, startNode } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
/** Virtual ms. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const LIMIT = 600_000

const at = (host: string) => ({ host, port: 6881 })
const TRACKERS = ["10.0.2.1", "10.0.2.2"]
const SEED = "10.0.0.1"
const US = "10.0.0.2"
/** Whom the first tracker names: nobody is there. */
const NOBODY = [at("10.0.9.1"), at("10.0.9.2")]

const dataset = simDataset(
  { "a.bin": 1024 * KiB },
  { pieceLength: 64 * KiB, trackers: TRACKERS.map((host) => [`http://${host}/announce`]) },
)
const untracked = { ...dataset, metainfo: { ...dataset.metainfo, trackers: [] } }

function stage() {
  const simulation = createSimulation({ seed: 1 })
  const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
  return {
    simulation,
    until,
    seed: () => {
      const platform = simulation.platform(SEED, { latency: 5 })
      putDataset(platform, dataset)
      return until(startNode({ platform, dataset: untracked, seed: true, fetch: false }))
    },
    start: (options: Partial<SimNodeOptions> = {}) =>
      until(startNode({ platform: simulation.platform(US, { latency: 5 }), dataset, ...options })),
    /** Connects to us, says that it has everything, and never lets us download. */
    mute: (n: number): Puppet => {
      const puppet = new Puppet(simulation.platform(`10.0.1.${n}`, { latency: 5 }), dataset, new RecordingSink())
      puppet.encoder.haveAll()
      puppet.connect(US)
      const keepAlive = (): void => {
        puppet.encoder.keepAlive()
        puppet.say()
        simulation.clock.after(MINUTE, keepAlive)
      }
      simulation.clock.after(MINUTE, keepAlive)
      return puppet
    },
  }
}

describe("a peer that never lets us download", () => {
  it("does not keep the trackers of later tiers from being asked", async () => {
    const { simulation, until, seed, start, mute } = stage()
    serveTracker(simulation, TRACKERS[0]!, { peers: NOBODY })
    serveTracker(simulation, TRACKERS[1]!, { peers: [at(SEED)] })
    const seeder = await seed()
    const node = await start()
    mute(1)
    await simulation.run(MINUTE)
    await until(node.torrent.whenComplete())
    expect(simulation.clock.now()).toBeLessThan(2 * MINUTE)
    await until(Promise.all([node.close(), seeder.close()]))
  })

  it.each<[string, Partial<SimNodeOptions>]>([
    ["the torrent", { torrentLimits: { maxPeers: 3 } }],
    ["the process", { limits: { maxConnections: 3 } }],
  ])("does not keep its place for ever when %s may have no more", async (_, limited) => {
    const { simulation, until, seed, start, mute } = stage()
    // Named when all places are taken.
    serveTracker(simulation, TRACKERS[0]!, { peers: [...NOBODY, at(SEED)], profile: { latency: 1000 } })
    const seeder = await seed()
    const node = await start(limited)
    const mutes = [1, 2, 3].map(mute)
    await simulation.run(2 * MINUTE)
    expect(mutes.map(({ open }) => open)).toEqual([true, true, true])
    await until(node.torrent.whenComplete())
    expect(simulation.clock.now()).toBeLessThan(5 * MINUTE)
    // Who came, and can't be reached by us perhaps, loses one place only.
    expect(mutes.filter(({ open }) => open)).toHaveLength(2)
    await until(Promise.all([node.close(), seeder.close()]))
  })

  it("has trackers asked for others ever more seldom", async () => {
    const { simulation, until, start, mute } = stage()
    const heard = TRACKERS.map((host) => serveTracker(simulation, host, { peers: NOBODY }))
    const node = await start()
    mute(1)
    await simulation.run(5 * HOUR)
    // Two in an hour are usual. Here they come after 2, 4, 8 and 16 minutes, and then after the usual half hour.
    for (const { length } of heard) expect(length).toBeLessThanOrEqual(5 * 5)
    await until(node.close())
  })
})
