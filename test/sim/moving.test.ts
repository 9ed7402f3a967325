import { describe, expect, it } from "vitest"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"

const MiB = 1024 * 1024
const LENGTH = 16 * MiB
/** Bytes a second of a seed. */
const RATE = MiB / 8
/** Virtual ms. */
const SECOND = 1000
const LIMIT = 60 * 60 * SECOND
/** In which that we have moved must have been noticed, and those who are there been connected to. */
const SOON = 15 * SECOND

const TRACKER = "10.0.2.1"
const SEED = { host: "10.0.1.1", port: 6881 }
const SEED_IPV6 = { host: "2001:db8:1::1", port: 6881 }

function scene() {
  const simulation = createSimulation({ seed: 1 })
  const dataset = simDataset({ "a.bin": LENGTH }, { pieceLength: MiB / 4, trackers: [[`http://${TRACKER}/announce`]] })
  const announces = serveTracker(simulation, TRACKER)
  const nodes: SimNode[] = []
  const start = async (options: Omit<Parameters<typeof startNode>[0], "dataset">) => {
    const node = await simulation.runUntil(startNode({ dataset, ...options }), LIMIT)
    nodes.push(node)
    return node
  }
  return {
    simulation,
    dataset,
    announces,
    start,
    seed: (platform: SimPlatform) => {
      putDataset(platform, dataset)
      return start({ platform, fetch: false, seed: true })
    },
    close: () => simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT),
  }
}

/** What was said of connections that ended. */
function ended({ log }: SimPlatform): string[] {
  return log.lines
    .filter(({ scope, message }) => scope === "peer" && message.includes("closed"))
    .map(({ message }) => message)
}

/** Routers that answer nothing. @returns from which ports each was asked by NAT-PMP: who begins anew has another */
async function serveRouters(simulation: Simulation, hosts: readonly string[]): Promise<Map<string, Set<number>>> {
  const asked = new Map(hosts.map((host) => [host, new Set<number>()]))
  for (const [host, ports] of asked) {
    const { udp } = simulation.platform(host)
    await simulation.runUntil(udp.open({ family: 4, port: 5351 }, (_, { port }) => ports.add(port)))
  }
  return asked
}

describe("a machine that gets into another network", () => {
  it.each([0, 10, 40, 300])("goes on with its download soon; it had none for %i s", async (seconds) => {
    const { simulation, dataset, start, seed, close } = scene()
    await seed(simulation.platform(SEED.host, { up: RATE }))
    const { host, platform } = simulation.machine("10.7.1.2")
    const { torrent } = await start({ platform, peers: [SEED] })
    await simulation.run(20 * SECOND)
    host.cutOff()
    await simulation.run(seconds * SECOND)
    simulation.network.move(host, ["10.7.3.2"])
    host.comeBack()
    const before = torrent.fetchedBytes
    await simulation.run(SOON)
    expect(torrent.fetchedBytes).toBeGreaterThan(before)
    await simulation.runUntil(torrent.whenComplete(), LIMIT)
    expect(wrongFiles(platform, dataset)).toEqual([])
    await close()
    expect(platform.clock.pendingTimers).toBe(0)
  })

  it("goes on soon when some other address, of containers perhaps, was there all the time", async () => {
    const { simulation, start, seed, close } = scene()
    await seed(simulation.platform(SEED.host, { up: RATE }))
    const { host, platform } = simulation.machine("10.7.1.2")
    const { torrent } = await start({ platform, peers: [SEED] })
    await simulation.run(20 * SECOND)
    const seedHost = simulation.machine(SEED.host).host
    simulation.network.part(host, seedHost)
    simulation.network.move(host, ["172.17.0.1"])
    await simulation.run(40 * SECOND)
    simulation.network.move(host, ["10.7.3.2", "172.17.0.1"])
    simulation.network.join(host, seedHost)
    const before = torrent.fetchedBytes
    await simulation.run(SOON)
    expect(torrent.fetchedBytes).toBeGreaterThan(before)
    await close()
  })

  it("keeps the connections from an address that it still has", async () => {
    const { simulation, start, seed, close } = scene()
    await seed(simulation.platform(SEED.host, { up: RATE }))
    await seed(simulation.platform(SEED_IPV6.host, { up: RATE }))
    const { host, platform } = simulation.machine(["10.7.1.2", "2001:db8:7::2"])
    const { torrent } = await start({ platform, peers: [SEED, SEED_IPV6] })
    await simulation.run(20 * SECOND)
    expect(torrent.snapshot().peers.connected).toBe(2)
    simulation.network.move(host, ["10.7.3.2", "2001:db8:7::2"])
    await simulation.run(SOON)
    expect(ended(platform)).toEqual([expect.stringContaining(`${SEED.host}:`)])
    expect(torrent.snapshot().peers.connected).toBe(2)
    await close()
  })

  it("keeps all when it is back where it was", async () => {
    const { simulation, start, seed, close } = scene()
    await seed(simulation.platform(SEED.host, { up: RATE }))
    const { host, platform } = simulation.machine("10.7.1.2")
    const { torrent } = await start({ platform, peers: [SEED] })
    await simulation.run(20 * SECOND)
    host.cutOff()
    await simulation.run(40 * SECOND)
    host.comeBack()
    const before = torrent.fetchedBytes
    await simulation.run(SOON)
    expect(torrent.fetchedBytes).toBeGreaterThan(before)
    expect(ended(platform)).toEqual([])
    await close()
  })

  it("tells the trackers of what it shares, to which it is who it was", async () => {
    const { simulation, announces, seed, close } = scene()
    const { host, platform } = simulation.machine("10.7.1.2")
    await seed(platform)
    await simulation.run(60 * SECOND)
    const announced = announces.length
    simulation.network.move(host, ["10.7.3.2"])
    // The connection that was kept to the tracker leads nowhere: a question times out, and is asked again.
    await simulation.run(SOON + 30 * SECOND)
    expect(announces.length).toBe(announced + 1)
    await close()
    expect(announces.at(-1)!.get("event")).toBe("stopped")
    expect(new Set(announces.map((announce) => announce.get("peer_id"))).size).toBe(1)
  })

  it("asks the router that is there to let peers in", async () => {
    const { simulation, start, close } = scene()
    const asked = await serveRouters(simulation, ["10.7.1.254", "10.7.3.254"])
    const { host, platform } = simulation.machine("10.7.1.2")
    let gateway = "10.7.1.254"
    const limits = { router: () => ({ gateway, ownAddress: undefined }) }
    await start({ platform, limits })
    await simulation.run(SECOND)
    expect([...asked.values()].map(({ size }) => size > 0)).toEqual([true, false])
    gateway = "10.7.3.254"
    simulation.network.move(host, ["10.7.3.2"])
    await simulation.run(SOON)
    expect(asked.get(gateway)!.size).toBe(1)
    await close()
    expect(platform.clock.pendingTimers).toBe(0)
  })
})

describe("a machine that gets an address beside its own, and loses one that no connection uses", () => {
  it("goes on as it was: with its connections, its trackers and its router", async () => {
    const { simulation, announces, start, seed, close } = scene()
    await seed(simulation.platform(SEED.host, { up: RATE }))
    const router = { gateway: "10.7.1.254", ownAddress: undefined }
    const asked = await serveRouters(simulation, [router.gateway])
    // As IPv6 has them: one that stays, and one of those that come and go (RFC 8981).
    const { host, platform } = simulation.machine(["10.7.1.2", "2001:db8:7::2", "2001:db8:7::aaaa"])
    const { torrent } = await start({ platform, peers: [SEED], limits: { router: () => router } })
    await simulation.run(20 * SECOND)
    const announced = announces.length
    simulation.network.move(host, ["10.7.1.2", "2001:db8:7::2", "2001:db8:7::aaaa", "2001:db8:7::bbbb"])
    await simulation.run(SOON)
    simulation.network.move(host, ["10.7.1.2", "2001:db8:7::2", "2001:db8:7::bbbb"])
    await simulation.run(SOON)
    expect(announces.length).toBe(announced)
    expect(asked.get(router.gateway)!.size).toBe(1)
    expect(ended(platform)).toEqual([])
    expect(torrent.snapshot().peers.connected).toBe(1)
    await close()
  })
})
