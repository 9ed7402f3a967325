import { describe, expect, it } from "vitest"
import { WireEncoder } from "../../src/wire/encoder.js"
import { encodeHandshake } from "../../src/wire/handshake.js"
import { concat } from "../support/bytes.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { addTorrent, type SimNode, type SimNodeOptions, startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** Virtual ms. */
const LIMIT = 600_000
/** Of limits, bytes a second. */
const RATE = MiB
/** ms that are looked at one by one: in each, a block is much. */
const SLOT = 100

const dataset = simDataset({ "a.bin": 64 * MiB }, { pieceLength: 256 * KiB })

async function start(simulation: Simulation, host: string, options: Partial<SimNodeOptions>): Promise<SimNode> {
  const platform = simulation.platform(host, { latency: 5 })
  if (options.fetch === false) putDataset(platform, dataset)
  return simulation.runUntil(startNode({ platform, dataset, ...options }), LIMIT)
}

const seed = (simulation: Simulation, host: string, options: Partial<SimNodeOptions> = {}): Promise<SimNode> =>
  start(simulation, host, { fetch: false, seed: true, ...options })

const at = (host: string) => ({ host, port: 6881 })

/** What a number grew by in each slot. */
async function slots(simulation: Simulation, count: number, value: () => number): Promise<number[]> {
  const grown: number[] = []
  for (let before = value(); grown.length < count; before += grown.at(-1)!) {
    await simulation.run(SLOT)
    grown.push(value() - before)
  }
  return grown
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

function expectSmooth(grown: readonly number[], rate = RATE): void {
  const fair = (rate * SLOT) / 1000
  expect(Math.min(...grown)).toBeGreaterThan(fair - 48 * KiB)
  expect(Math.max(...grown)).toBeLessThan(fair + 48 * KiB)
  expect(sum(grown) / (grown.length * fair)).toBeCloseTo(1, 1)
}

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

describe("a download limit", () => {
  it("lets bytes come evenly, from however many peers", async () => {
    for (const count of [1, 6]) {
      const simulation = createSimulation({ seed: count })
      const hosts = Array.from({ length: count }, (_, n) => `10.0.1.${n}`)
      const seeds = []
      for (const host of hosts) seeds.push(await seed(simulation, host))
      const limits = { maxDownload: RATE }
      const node = await start(simulation, "10.0.0.1", { peers: hosts.map(at), limits })
      await simulation.run(3000)
      expectSmooth(await slots(simulation, 100, () => node.torrent.fetchedBytes))
      await close(simulation, node, ...seeds)
    }
  })

  it("is used up, though answers take a while", async () => {
    const simulation = createSimulation({ seed: 4 })
    const far = simulation.platform("10.0.1.1", { latency: 150 })
    putDataset(far, dataset)
    const other = await simulation.runUntil(startNode({ platform: far, dataset, fetch: false, seed: true }), LIMIT)
    const node = await start(simulation, "10.0.0.1", { peers: [at("10.0.1.1")], limits: { maxDownload: RATE / 2 } })
    await simulation.run(3000)
    const before = node.torrent.fetchedBytes
    await simulation.run(10_000)
    expect((node.torrent.fetchedBytes - before) / (5 * RATE)).toBeCloseTo(1, 1.5)
    await close(simulation, node, other)
  })
})

describe("what nobody asked for", () => {
  it("counts against the limit like all that comes", async () => {
    const simulation = createSimulation({ seed: 8 })
    // Somebody to hope for.
    const peers = [at("10.0.1.9")]
    const node = await start(simulation, "10.0.0.1", { peers, limits: { maxDownload: RATE / 4 } })
    const encoder = new WireEncoder()
    encoder.pieceHeader(0, 0, 16 * KiB)
    const unwanted = concat([encoder.takeBytes()!, new Uint8Array(16 * KiB)])
    const stream = simulation.platform("10.0.1.1", { latency: 5 }).net.connect(at("10.0.0.1"), {
      onOpen: () => {
        stream.write(encodeHandshake(dataset.metainfo.infoHash, new Uint8Array(20).fill(7)))
        for (let n = 0; n < 64; n++) stream.write(unwanted)
      },
      onData: () => {},
      onDrain: () => {},
      onClose: () => {},
    })
    await simulation.run(2000)
    const { unasked } = node.torrent.stats().wasted
    expect(unasked / (RATE / 2)).toBeCloseTo(1, 0.5)
    stream.destroy()
    await close(simulation, node)
  })
})

describe("an upload limit", () => {
  it("lets bytes go evenly, and to all who ask the same", async () => {
    const simulation = createSimulation({ seed: 2 })
    const giver = await seed(simulation, "10.0.0.1", { limits: { maxUpload: RATE } })
    const takers = []
    // They know nobody else.
    for (const host of ["10.0.1.1", "10.0.1.2", "10.0.1.3"]) {
      takers.push(await start(simulation, host, { peers: [at("10.0.0.1")], limits: { maxUpload: 1 } }))
    }
    await simulation.run(3000)
    const before = takers.map((taker) => taker.torrent.fetchedBytes)
    expectSmooth(await slots(simulation, 100, () => giver.torrent.givenBytes))
    const got = takers.map((taker, n) => taker.torrent.fetchedBytes - before[n]!)
    for (const bytes of got) expect(bytes / (sum(got) / 3)).toBeCloseTo(1, 0.5)
    await close(simulation, giver, ...takers)
  })
})

describe("limits of one torrent and of all", () => {
  it("hold at once: one torrent keeps to its own, and another has what is left of that of all", async () => {
    const simulation = createSimulation({ seed: 3 })
    const other = simDataset({ "b.bin": 64 * MiB }, { pieceLength: 256 * KiB, name: "other" })
    const giver = await seed(simulation, "10.0.1.1")
    const platform = simulation.platform("10.0.1.1")
    putDataset(platform, other)
    await simulation.runUntil(addTorrent(giver.session, { platform, dataset: other, fetch: false, seed: true }), LIMIT)
    for (const [maxDownload, share] of [
      [RATE / 4, 1 / 4],
      [undefined, 1 / 2],
    ] as const) {
      const host = `10.0.0.${100 * share}`
      const peers = [at("10.0.1.1")]
      const node = await start(simulation, host, {
        peers,
        limits: { maxDownload: RATE },
        torrentLimits: { maxDownload },
      })
      const second = await simulation.runUntil(
        addTorrent(node.session, { platform: simulation.platform(host), dataset: other, peers }),
        LIMIT,
      )
      await simulation.run(3000)
      const before = [node.torrent.fetchedBytes, second.fetchedBytes]
      expectSmooth(await slots(simulation, 100, () => node.torrent.fetchedBytes + second.fetchedBytes))
      const [own = 0, others = 0] = [node.torrent.fetchedBytes - before[0]!, second.fetchedBytes - before[1]!]
      expect(own / (own + others)).toBeCloseTo(share, 1)
      await close(simulation, node)
    }
    await close(simulation, giver)
  })
})

describe("connection limits", () => {
  const hosts = Array.from({ length: 12 }, (_, n) => `10.0.1.${n}`)

  it.each([
    ["of one torrent", { torrentLimits: { maxPeers: 5 } }],
    ["of all", { limits: { maxConnections: 5 } }],
  ])("%s hold for those we choose", async (_, limits) => {
    const simulation = createSimulation({ seed: 5 })
    const seeds = []
    for (const host of hosts) seeds.push(await seed(simulation, host, { limits: { maxUpload: 10 * KiB } }))
    const node = await start(simulation, "10.0.0.1", { ...limits, peers: hosts.map(at) })
    await simulation.run(10_000)
    expect(node.torrent.snapshot().peers.connected).toBe(5)
    await close(simulation, node, ...seeds)
  })

  it.each<[string, Pick<SimNodeOptions, "limits" | "torrentLimits">, number]>([
    ["of one torrent", { torrentLimits: { maxPeers: 8 } }, 6],
    ["of all", { limits: { maxConnections: 10 } }, 9],
  ])("%s hold for those who come, who may not have all", async (_, limits, most) => {
    const simulation = createSimulation({ seed: 6 })
    const giver = await seed(simulation, "10.0.0.1", { ...limits, limits: { maxUpload: 10 * KiB, ...limits.limits } })
    const takers = []
    for (const host of hosts) takers.push(await start(simulation, host, { peers: [at("10.0.0.1")] }))
    await simulation.run(5_000)
    expect(giver.torrent.snapshot().peers.connected).toBe(most)
    await close(simulation, giver, ...takers)
  })

  it.each<["come" | "we choose", number]>([
    ["come", 9],
    ["we choose", 10],
  ])("of all are shared with a torrent that comes late: those who %s leave one that has many", async (how, most) => {
    const simulation = createSimulation({ seed: 7 })
    const limits = { maxConnections: 10, maxUpload: 10 * KiB }
    const takers: SimNode[] = []
    const takersOf = async (wanted: SimDataset, places: readonly string[]) => {
      for (const host of places) {
        const platform = simulation.platform(host, { latency: 5 })
        // Somebody to hope for, at least.
        const peers = [at(how === "come" ? "10.0.0.1" : "10.0.9.9")]
        takers.push(await simulation.runUntil(startNode({ platform, dataset: wanted, peers }), LIMIT))
      }
    }
    const late = simDataset({ "b.bin": 64 * MiB }, { pieceLength: 256 * KiB, name: "late" })
    const lateHosts = ["10.0.2.1", "10.0.2.2"]
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    putDataset(platform, late)
    if (how === "we choose") await takersOf(dataset, hosts)
    const giver = await seed(simulation, "10.0.0.1", { limits, peers: how === "we choose" ? hosts.map(at) : [] })
    if (how === "come") await takersOf(dataset, hosts)
    await simulation.run(30_000)
    expect(giver.torrent.snapshot().peers.connected).toBe(most)
    if (how === "we choose") await takersOf(late, lateHosts)
    const peers = how === "we choose" ? lateHosts.map(at) : []
    const second = await simulation.runUntil(
      addTorrent(giver.session, { platform, dataset: late, fetch: false, seed: true, peers }),
      LIMIT,
    )
    if (how === "come") await takersOf(late, lateHosts)
    await simulation.run(60_000)
    expect(second.snapshot().peers.connected).toBe(lateHosts.length)
    expect(giver.torrent.snapshot().peers.connected).toBeGreaterThanOrEqual(most - lateHosts.length)
    await close(simulation, giver, ...takers)
  })
})
