import { describe, expect, it, vi } from "vitest"
import { Picker } from "../../src/picker/picker.js"
import type { ByteStream, Endpoint } from "../../src/ports/net.js"
import { peerPriority } from "../../src/torrent/finding/peer-priority.js"
import { Choker } from "../../src/torrent/giving/choker.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, type SimDataset, simDataset, wrongFiles } from "./lib/sim-dataset.js"
import { addTorrent, type SimNode, startNode } from "./lib/sim-node.js"
import { createSimulation, type SimPlatform, type Simulation } from "./lib/simulation.js"

const KiB = 1024
const MiB = 1024 * KiB
/** ms of virtual time. */
const LIMIT = 600_000

const at = (host: string): Endpoint => ({ host, port: 6881 })

async function close(simulation: Simulation, ...nodes: SimNode[]): Promise<void> {
  await simulation.runUntil(Promise.all(nodes.map((node) => node.close())), LIMIT)
}

/** Counts the connections that a machine opens. */
function countConnects(platform: SimPlatform): { readonly count: number } {
  const tally = { count: 0 }
  const connect = platform.net.connect.bind(platform.net)
  platform.net.connect = (remote, listener) => {
    tally.count++
    return connect(remote, listener)
  }
  return tally
}

/** The part of a handshake that names the torrent; our name would follow. */
function handshakeHead(infoHash: Uint8Array): Uint8Array {
  return Uint8Array.from([19, ...new TextEncoder().encode("BitTorrent protocol"), ...new Uint8Array(8), ...infoHash])
}

/** A stranger's connection that says `greeting` after the handshake, and keeps itself alive. */
function stranger(
  from: SimPlatform,
  dataset: SimDataset,
  n: number,
  greeting = new Uint8Array(0),
  to = at("10.0.0.1"),
  onEnd = (): void => {},
): ByteStream {
  const handshake = new Uint8Array(68)
  handshake[0] = 19
  handshake.set(new TextEncoder().encode("BitTorrent protocol"), 1)
  handshake.set(dataset.metainfo.infoHash, 28)
  handshake.set(new TextEncoder().encode(`-XX0001-${String(n).padStart(12, "0")}`), 48)
  let open = true
  const keepAlive = (): void => {
    if (!open) return
    stream.write(new Uint8Array(4))
    from.clock.after(60_000, keepAlive)
  }
  const stream = from.net.connect(to, {
    onOpen: () => {
      stream.write(handshake)
      if (greeting.length > 0) stream.write(greeting)
      keepAlive()
    },
    onData: () => {},
    onDrain: () => {},
    onClose: () => {
      open = false
      onEnd()
    },
  })
  return stream
}

/** A message without a payload. */
const message = (...ids: number[]): number[] => ids.flatMap((id) => [0, 0, 0, 1, id])
const CHOKE = 0
const UNCHOKE = 1
const INTERESTED = 2
const NOT_INTERESTED = 3

describe("two clients", () => {
  it("that connect to each other at the same time keep one connection, and do not connect again", async () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const simulation = createSimulation({ seed })
      const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
      const a = simulation.platform("10.0.0.1", { latency: 20 })
      const b = simulation.platform("10.0.0.2", { latency: 20 })
      const connects = [countConnects(a), countConnects(b)]
      putDataset(b, dataset)
      const start = (platform: SimPlatform, peer: string) =>
        startNode({ platform, dataset, seed: true, peers: [at(peer)] })
      const nodes = await simulation.runUntil(Promise.all([start(a, "10.0.0.2"), start(b, "10.0.0.1")]), LIMIT)
      await simulation.runUntil(nodes[0].torrent.whenComplete(), 5_000)
      expect(connects.map(({ count }) => count)).toEqual([1, 1])
      await close(simulation, ...nodes)
      expect(wrongFiles(a, dataset)).toEqual([])
    }
  })

  it("that a tracker brings together at the same moment, each with its own address too, come to an end", async () => {
    for (const seed of [0, 1, 2, 3]) {
      const simulation = createSimulation({ seed })
      const trackers = [["http://10.0.2.1/announce"]]
      const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB, trackers })
      serveTracker(simulation, "10.0.2.1", { peers: [at("10.0.0.1"), at("10.0.0.2")], profile: { latency: 30 } })
      const a = simulation.platform("10.0.0.1", { latency: 30 })
      const b = simulation.platform("10.0.0.2", { latency: 45 })
      putDataset(b, dataset)
      const start = (platform: SimPlatform) => startNode({ platform, dataset, seed: true })
      const nodes = await simulation.runUntil(Promise.all([start(a), start(b)]), LIMIT)
      await simulation.runUntil(nodes[0].torrent.whenComplete(), 10_000)
      await close(simulation, ...nodes)
    }
  })

  it("that are connected do not connect the other way again and again", async () => {
    const simulation = createSimulation({ seed: 3 })
    const trackers = [["http://10.0.2.1/announce"]]
    const dataset = simDataset({ "a.bin": 8 * MiB }, { pieceLength: 64 * KiB, trackers })
    const a = simulation.platform("10.0.0.1", { latency: 20, down: 128 * KiB })
    const b = simulation.platform("10.0.0.2", { latency: 20 })
    putDataset(b, dataset)
    const first = await simulation.runUntil(startNode({ platform: b, dataset, seed: true }), LIMIT)
    serveTracker(simulation, "10.0.2.1", { peers: [at("10.0.0.1"), at("10.0.0.2")] })
    const connects = countConnects(b)
    const second = await simulation.runUntil(startNode({ platform: a, dataset, peers: [at("10.0.0.2")] }), LIMIT)
    await simulation.run(30_000)
    expect(second.torrent.snapshot().peers.connected).toBe(1)
    // Itself once, as it can't know that address for its own; the other once, as it had not heard of that address before.
    expect(connects.count).toBeLessThanOrEqual(2)
    await close(simulation, first, second)
  })
})

describe("a client that has everything", () => {
  const everything = async (seed: boolean): Promise<number> => {
    const simulation = createSimulation({ seed: 2 })
    const dataset: SimDataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const a = simulation.platform("10.0.0.1", { latency: 10 })
    const b = simulation.platform("10.0.0.2", { latency: 10 })
    putDataset(a, dataset)
    putDataset(b, dataset)
    const connects = countConnects(a)
    const other = await simulation.runUntil(startNode({ platform: b, dataset, seed: true }), LIMIT)
    const node = await simulation.runUntil(
      startNode({ platform: a, dataset, seed, peers: [at("10.0.0.2"), at("10.0.0.3")] }),
      LIMIT,
    )
    await simulation.run(600_000)
    await close(simulation, node, other)
    return connects.count
  }

  it("and gives it finds out once that another has everything too, and backs off from who never answers", async () => {
    expect(await everything(true)).toBeLessThan(20)
  })

  it("and does not give it looks for nobody", async () => {
    expect(await everything(false)).toBe(0)
  })
})

describe("strangers", () => {
  it("that connect and do nothing do not shut out the one seed", async () => {
    const simulation = createSimulation({ seed: 20 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    const machine = simulation.machine("10.0.0.2", { latency: 5 })
    const node = await simulation.runUntil(startNode({ platform, dataset, peers: [at("10.0.0.2")] }), LIMIT)
    for (let n = 0; n < 120; n++) stranger(simulation.platform(`10.0.0.${50 + (n % 6)}`), dataset, n)
    await simulation.run(30_000)
    const { connected } = node.torrent.snapshot().peers
    expect(connected).toBeGreaterThan(40)
    expect(connected).toBeLessThanOrEqual(60)
    putDataset(machine.platform, dataset)
    const seed = await simulation.runUntil(startNode({ platform: machine.platform, dataset, seed: true }), LIMIT)
    await simulation.runUntil(node.torrent.whenComplete(), LIMIT)
    await close(simulation, node, seed)
  })

  it("that do nothing give way to a newcomer, and a host has but a few places", async () => {
    const simulation = createSimulation({ seed: 21 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    putDataset(platform, dataset)
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    for (let n = 0; n < 10; n++) stranger(simulation.platform("203.0.113.9"), dataset, 1000 + n)
    await simulation.run(5_000)
    expect(node.torrent.snapshot().peers.connected).toBe(4)
    for (let n = 0; n < 120; n++) stranger(simulation.platform(`10.0.0.${50 + (n % 6)}`), dataset, n)
    await simulation.run(20_000)
    expect(node.torrent.snapshot().peers.connected).toBe(60)
    const late = simulation.platform("10.0.0.2", { latency: 5 })
    const leech = await simulation.runUntil(startNode({ platform: late, dataset, peers: [at("10.0.0.1")] }), LIMIT)
    await simulation.runUntil(leech.torrent.whenComplete(), 30_000)
    await close(simulation, node, leech)
  })

  it.each([
    ["say nothing", () => new Uint8Array(0)],
    ["stop in the midst of their handshake", ({ metainfo }: SimDataset) => handshakeHead(metainfo.infoHash)],
  ])("that %s, five hundred of them again and again, keep nobody out", async (_what, greeting) => {
    const simulation = createSimulation({ seed: 25 })
    const dataset = simDataset({ "a.bin": 2 * MiB }, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1", { latency: 5 })
    putDataset(platform, dataset)
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    // The honest peer shares its address, as behind a gateway, with some of them.
    const late = simulation.platform("10.0.0.2", { latency: 5 })
    const attackers = Array.from({ length: 125 }, (_, n) => simulation.platform(`203.0.${n}.1`)).concat(late)
    let attacks = true
    let tried = 0
    const attack = (from: SimPlatform): void => {
      if (!attacks) return
      tried++
      const stream = from.net.connect(at("10.0.0.1"), {
        onOpen: () => void stream.write(greeting(dataset)),
        onData() {},
        onDrain() {},
        onClose: () => void from.clock.after(500, () => attack(from)),
      })
    }
    for (const from of attackers) for (let n = 0; n < 4; n++) attack(from)
    await simulation.run(2_000)
    expect(tried).toBeGreaterThan(500)
    const leech = await simulation.runUntil(startNode({ platform: late, dataset, peers: [at("10.0.0.1")] }), LIMIT)
    await simulation.runUntil(leech.torrent.whenComplete(), 5_000)
    expect(wrongFiles(late, dataset)).toEqual([])
    attacks = false
    await close(simulation, node, leech)
  })

  /** All places are taken by who wants something; then two come, of the highest and of the lowest priority. Who may stay? */
  async function staying(trackers: number, trackersOfAnother = 0): Promise<string[]> {
    const us = "93.184.216.34"
    const simulation = createSimulation({ seed: 24 })
    const urls = Array.from({ length: trackers + trackersOfAnother }, (_, n) => `http://10.${n}.0.9/announce`)
    const external = Uint8Array.from(us.split(".").map(Number))
    const answer = [..."d11:external ip4:", ...external, ..."8:intervali1800e5:peers0:e"]
    const body = Uint8Array.from(answer.map((part) => (typeof part === "string" ? part.charCodeAt(0) : part)))
    for (const url of urls) simulation.web.serve(url, () => ({ status: 200, body }))
    const [tiers, others] = [urls.slice(0, trackers), urls.slice(trackers)].map((list) => list.map((url) => [url]))
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB, trackers: tiers! })
    const platform = simulation.platform(us, { latency: 5 })
    putDataset(platform, dataset)
    const node = await simulation.runUntil(
      startNode({ platform, dataset, seed: true, torrentLimits: { maxPeers: 40 } }),
      LIMIT,
    )
    if (trackersOfAnother > 0) {
      const another = simDataset({ "b.bin": KiB }, { name: "another", pieceLength: 16 * KiB, trackers: others! })
      putDataset(platform, another)
      await simulation.runUntil(addTorrent(node.session, { platform, dataset: another, seed: true }), LIMIT)
    }
    const present = new Set<string>()
    const comes = (host: string, n: number): void => {
      present.add(host)
      const from = simulation.platform(host, { latency: 5 })
      stranger(from, dataset, n, Uint8Array.from(message(INTERESTED)), at(us), () => present.delete(host))
    }
    const priority = (host: string): number => peerPriority(at(us), at(host)) ?? 0
    const hosts = Array.from({ length: 32 }, (_, n) => `${11 + n}.7.0.1`).sort((a, b) => priority(a) - priority(b))
    for (const [n, host] of hosts.slice(1, -1).entries()) comes(host, n)
    await simulation.run(30_000)
    expect(present.size).toBe(30)
    const [lowest = "", highest = ""] = [hosts[0], hosts.at(-1)]
    comes(highest, 100)
    comes(lowest, 101)
    await simulation.run(1_000)
    expect(present.size).toBe(30)
    const stay = [highest, lowest].map((host) => (present.has(host) ? "stays" : "goes"))
    await close(simulation, node)
    return stay
  }

  it("that all want something give way to one of higher priority, when two say what our address is", async () => {
    expect(await staying(2)).toEqual(["stays", "goes"])
    expect(await staying(1)).toEqual(["goes", "goes"])
  })

  it("that all want something give way to one of higher priority, when another torrent's tracker agrees on our address", async () => {
    expect(await staying(1, 1)).toEqual(["stays", "goes"])
  })

  it("that take our name for theirs do not keep a place", async () => {
    const simulation = createSimulation({ seed: 23 })
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 64 * KiB })
    const platform = simulation.platform("10.0.0.1")
    putDataset(platform, dataset)
    const node = await simulation.runUntil(startNode({ platform, dataset, seed: true }), LIMIT)
    let open = true
    const heard: number[] = []
    const stream = simulation.platform("10.0.0.9").net.connect(at("10.0.0.1"), {
      onOpen: () => void stream.write(handshakeHead(dataset.metainfo.infoHash)),
      // Our name is the last of our handshake.
      onData: (chunk) => {
        heard.push(...chunk)
        if (heard.length === 68) stream.write(Uint8Array.from(heard.slice(48)))
      },
      onDrain: () => {},
      onClose: () => {
        open = false
      },
    })
    await simulation.run(15_000)
    expect(heard).toHaveLength(68)
    expect(open).toBe(true)
    await simulation.run(6_000)
    expect(open).toBe(false)
    await close(simulation, node)
  })

  it("that flood us with small messages do not make us choose and search at each of them", async () => {
    const simulation = createSimulation({ seed: 22 })
    const dataset = simDataset({ "a.bin": MiB }, { pieceLength: 16 * KiB })
    const node = await simulation.runUntil(
      startNode({ platform: simulation.platform("10.0.0.1", { latency: 5 }), dataset, peers: [at("10.0.0.9")] }),
      LIMIT,
    )
    const from = simulation.platform("10.0.0.66", { latency: 5 })
    const bitfield = Uint8Array.from([0, 0, 0, 9, 5, 255, 255, 255, 255, 255, 255, 255, 255, ...message(UNCHOKE)])
    const [one, two] = [0, 1].map((n) => stranger(from, dataset, n, bitfield))
    await simulation.run(5_000)
    expect(node.torrent.snapshot().peers.connected).toBe(2)
    const choose = vi.spyOn(Choker.prototype, "choose")
    const pick = vi.spyOn(Picker.prototype, "pickBlocks")
    const flood = (...ids: number[]): Uint8Array =>
      Uint8Array.from(Array.from({ length: 10_000 }, () => message(...ids)).flat())
    one?.write(flood(INTERESTED, NOT_INTERESTED))
    await simulation.run(1_000)
    expect(choose.mock.calls.length).toBeGreaterThan(3)
    expect(choose.mock.calls.length).toBeLessThan(50)
    pick.mockClear()
    two?.write(flood(CHOKE, UNCHOKE))
    await simulation.run(1_000)
    expect(pick.mock.calls.length).toBeLessThan(100)
    expect(node.torrent.snapshot().peers.connected).toBe(2)
    vi.restoreAllMocks()
    await close(simulation, node)
  })
})

describe("the download limit", () => {
  const limited = async (maxDownload: number) => {
    const simulation = createSimulation({ seed: 7 })
    const dataset = simDataset({ "a.bin": 16 * MiB }, { pieceLength: 256 * KiB })
    const seeds: SimNode[] = []
    for (const host of ["10.0.0.2", "10.0.0.3"]) {
      const platform = simulation.platform(host, { up: 100 * MiB, latency: 1 })
      putDataset(platform, dataset)
      seeds.push(await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true }), LIMIT))
    }
    const platform = simulation.platform("10.0.0.1", { down: 100 * MiB, latency: 1 })
    const peers = [at("10.0.0.2"), at("10.0.0.3")]
    const node = await simulation.runUntil(startNode({ platform, dataset, peers, limits: { maxDownload } }), LIMIT)
    return { simulation, node, end: () => close(simulation, node, ...seeds) }
  }

  it("holds for peers, second by second, and is used up", async () => {
    const rate = 256 * KiB
    const { simulation, node, end } = await limited(rate)
    for (let second = 1; second <= 20; second++) {
      await simulation.run(1000)
      expect(node.torrent.fetchedBytes).toBeLessThanOrEqual((second + 0.5) * rate + 128 * KiB)
    }
    expect(node.torrent.fetchedBytes).toBeGreaterThan(19 * rate)
    await end()
  })

  it("does not count as silence of the peers, even when a block takes many seconds", async () => {
    const { simulation, node, end } = await limited(KiB)
    for (let second = 1; second <= 60; second++) {
      await simulation.run(1000)
      if (second < 5) continue
      expect(node.torrent.idleTime).toBeLessThan(3_000)
      expect(node.torrent.snapshot().waitingFor).toBeNull()
    }
    expect(node.torrent.fetchedBytes).toBeLessThanOrEqual(60 * KiB + 64 * KiB)
    await end()
  })
})
