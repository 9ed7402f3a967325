import { describe, expect, it } from "vitest"
import type { Endpoint, StreamListener } from "../../src/ports/net.js"
import type { EncryptionPolicy } from "../../src/session/session.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"

const MiB = 1024 * 1024
const SECOND = 1000
/** Virtual ms. */
const LIMIT = 600_000

const at = (host: string): Endpoint => ({ host, port: 6881 })

/** What a machine's connections, those it opens, begin with. */
function watchConnects(platform: SimPlatform, passes: (first: Uint8Array) => boolean = () => true): string[] {
  const begun: string[] = []
  const connect = platform.net.connect.bind(platform.net)
  platform.net.connect = (remote, listener) => {
    let first = true
    const stream = connect(remote, listener)
    const write = stream.write.bind(stream)
    stream.write = (chunk, onTaken) => {
      if (first) {
        first = false
        begun.push(chunk[0] === 19 ? "plain" : "encrypted")
        if (!passes(chunk)) {
          stream.destroy()
          return write(chunk, onTaken)
        }
      }
      return write(chunk, onTaken)
    }
    return stream
  }
  return begun
}

async function seed(simulation: Simulation, dataset: SimDataset, host: string, encryption: EncryptionPolicy) {
  const platform = simulation.platform(host)
  putDataset(platform, dataset)
  return simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true, limits: { encryption } }), LIMIT)
}

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

const POLICIES = ["allow", "prefer", "require", "off"] as const
/** How a downloader's connections to a seeder begin, by the policies of both. */
const BEGINNINGS: Record<EncryptionPolicy, Record<EncryptionPolicy, readonly string[] | undefined>> = {
  allow: { allow: ["plain"], prefer: ["plain"], require: ["plain", "encrypted"], off: ["plain"] },
  prefer: { allow: ["encrypted"], prefer: ["encrypted"], require: ["encrypted"], off: ["encrypted", "plain"] },
  require: { allow: ["encrypted"], prefer: ["encrypted"], require: ["encrypted"], off: undefined },
  off: { allow: ["plain"], prefer: ["plain"], require: undefined, off: ["plain"] },
}

describe("a download", () => {
  for (const ours of POLICIES) {
    for (const theirs of POLICIES) {
      const beginnings = BEGINNINGS[ours][theirs]
      const outcome = beginnings === undefined ? "gets nothing" : `gets all, over ${beginnings.join(", then ")}`
      it(`with --encryption ${ours} from a seeder with ${theirs} ${outcome}`, async () => {
        const simulation = createSimulation({ seed: 3, tcp: { scribbleWrites: true } })
        const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * 1024 })
        const seeder = await seed(simulation, dataset, "10.0.0.2", theirs)
        const platform = simulation.platform("10.0.0.1")
        const begun = watchConnects(platform)
        const peers = [at("10.0.0.2")]
        const limits = { encryption: ours }
        const node = await simulation.runUntil(startNode({ platform, dataset, peers, limits }), LIMIT)
        if (beginnings === undefined) {
          await simulation.run(60 * SECOND)
          expect(node.torrent.snapshot().doneBytes).toBe(0)
        } else {
          await simulation.runUntil(node.torrent.whenComplete(), 10 * SECOND)
          expect(wrongFiles(platform, dataset)).toEqual([])
          expect(begun).toEqual(beginnings)
        }
        await close(simulation, node, seeder)
        expect(platform.clock.pendingTimers).toBe(0)
      })
    }
  }

  it("tries hosts that are not there no oftener than it would without encryption", async () => {
    const attempts = async (encryption: EncryptionPolicy): Promise<number> => {
      const simulation = createSimulation({ seed: 4 })
      const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * 1024 })
      const platform = simulation.platform("10.0.0.1")
      let count = 0
      const connect = platform.net.connect.bind(platform.net)
      platform.net.connect = (remote: Endpoint, listener: StreamListener) => {
        count++
        return connect(remote, listener)
      }
      // One refuses, the other is silent.
      simulation.platform("10.0.0.2")
      const peers = [at("10.0.0.2"), at("10.0.0.3")]
      const node = await simulation.runUntil(startNode({ platform, dataset, peers, limits: { encryption } }), LIMIT)
      await simulation.run(120 * SECOND)
      await close(simulation, node)
      return count
    }
    expect(await attempts("allow")).toBe(await attempts("off"))
  })

  it("gets through a filter that ends what begins in plain, and learns not to begin so", async () => {
    const simulation = createSimulation({ seed: 5 })
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: 64 * 1024 })
    // More than are connected to in one second.
    const hosts = Array.from({ length: 45 }, (_, i) => `10.0.1.${i + 1}`)
    const seeders: SimNode[] = []
    for (const host of hosts) seeders.push(await seed(simulation, dataset, host, "allow"))
    const platform = simulation.platform("10.0.0.1")
    const begun = watchConnects(platform, (first) => first[0] !== 19)
    // Slow enough for all to be connected before the end.
    const limits = { maxDownload: MiB }
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: hosts.map(at), limits }), LIMIT)
    await simulation.run(5 * SECOND)
    expect(node.torrent.snapshot().peers.connected).toBe(hosts.length)
    expect(begun.filter((how) => how === "plain").length).toBeLessThan(hosts.length)
    expect(begun.filter((how) => how === "encrypted")).toHaveLength(hosts.length)
    await simulation.runUntil(node.torrent.whenComplete(), 60 * SECOND)
    expect(wrongFiles(platform, dataset)).toEqual([])
    await close(simulation, node, ...seeders)
  })
})
