import { describe, expect, it } from "vitest"
import { parseIp } from "../../src/bytes/ip.js"
import { decodeMessage, encodeResponse } from "../../src/dht/krpc.js"
import { compareDistance, sharedBits } from "../../src/dht/node-id.js"
import { isSecureId } from "../../src/dht/secure-id.js"
import type { Endpoint } from "../../src/ports/net.js"
import { decodeHandshake, encodeHandshake, HANDSHAKE_LENGTH, type Handshake } from "../../src/wire/handshake.js"
import { seededRandom } from "../support/seeded-random.js"
import { DHT_PORT, hostOf, MemoryStore, type SimDhtNode, type SimDhtOptions, startDht } from "./lib/dht-network.js"
import { putDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

/** Virtual ms. */
const SECOND = 1000
const LIMIT = 3_600 * SECOND
const ENTRY = { host: hostOf(0, "public"), port: DHT_PORT }

/** So many nodes that have found each other through the first of them. */
async function network(simulation: Simulation, count: number, options: (index: number) => SimDhtOptions = () => ({})) {
  const nodes: SimDhtNode[] = []
  for (let i = 0; i < count; i++) {
    const node = startDht(simulation, hostOf(i, "public"), { bootstrap: i === 0 ? [] : [ENTRY], ...options(i) })
    nodes.push(await simulation.runUntil(node, LIMIT))
    // They come one after the other, as in life.
    await pass(simulation, 0.1 * SECOND)
  }
  await pass(simulation, 40 * SECOND)
  return nodes
}

function pass(simulation: Simulation, ms: number): Promise<void> {
  return simulation.runUntil(
    new Promise<void>((resolve) => {
      simulation.clock.after(ms, resolve)
    }),
    LIMIT,
  )
}

/** The peers that a node finds within so many ms. */
async function find(simulation: Simulation, { dht }: SimDhtNode, infoHash: Uint8Array, ms = 30 * SECOND) {
  const found: Endpoint[] = []
  const search = dht.search({ infoHash, onPeers: (peers) => found.push(...peers) })
  await pass(simulation, ms)
  search.close()
  return found
}

/** What a client answers to a peer who says that he takes part in the DHT. */
async function handshakeWith(simulation: Simulation, host: string, infoHash: Uint8Array): Promise<Handshake> {
  const { net } = simulation.platform("99.4.5.6")
  const said: number[] = []
  const stream = net.connect(
    { host, port: 6881 },
    {
      onOpen: () => void stream.write(encodeHandshake(infoHash, new Uint8Array(20).fill(7), { dht: true })),
      onData: (chunk) => void said.push(...chunk),
      onDrain() {},
      onClose() {},
    },
  )
  await pass(simulation, SECOND)
  stream.destroy()
  return decodeHandshake(Uint8Array.from(said.slice(0, HANDSHAKE_LENGTH)))
}

async function closeAll(simulation: Simulation, nodes: readonly SimDhtNode[]): Promise<void> {
  const close = async ({ dht, udp }: SimDhtNode): Promise<void> => {
    await dht.close()
    await udp.close()
  }
  await simulation.runUntil(Promise.all(nodes.map(close)), LIMIT)
}

// Thousands of datagrams a second of virtual time: more than a minute on a busy machine.
describe("the DHT", { timeout: 240_000 }, () => {
  it("of 200 nodes leads to a peer that was announced, wherever one asks", async () => {
    const simulation = createSimulation({ seed: 1 })
    const nodes = await network(simulation, 200)
    const infoHash = seededRandom(1).bytes(20)
    const giver = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], readOnly: true, announcePort: 7777 }),
      LIMIT,
    )
    const search = giver.dht.search({ infoHash, onPeers: () => {} })
    await pass(simulation, 20 * SECOND)
    const holders = nodes.filter(({ dht }) => dht.nodes.some((node) => node.storedPeers > 0))
    expect(holders.length).toBeGreaterThanOrEqual(6)
    expect(holders.length).toBeLessThanOrEqual(12)
    // They are the closest of all.
    const byDistance = [...nodes].sort((a, b) => compareDistance(infoHash, a.dht.nodes[0]!.id, b.dht.nodes[0]!.id))
    expect(byDistance.slice(0, 12)).toEqual(expect.arrayContaining(holders))
    for (const index of [3, 77, 199]) {
      expect(await find(simulation, nodes[index]!, infoHash, 10 * SECOND)).toContainEqual({
        host: "99.1.2.3",
        port: 7777,
      })
    }
    search.close()
    await closeAll(simulation, [...nodes, giver])
  })

  it("works while a fifth of all datagrams is lost, and nodes come and go", async () => {
    const simulation = createSimulation({ seed: 2 })
    const nodes = await network(simulation, 80, () => ({ link: { loss: 0.1 } }))
    const infoHash = seededRandom(2).bytes(20)
    const giver = nodes[5]!
    // Nodes announce where they listen.
    const announcer = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], announcePort: 7777, link: { loss: 0.1 } }),
      LIMIT,
    )
    const search = announcer.dht.search({ infoHash, onPeers: () => {} })
    await pass(simulation, 30 * SECOND)
    const gone = nodes.filter((node, index) => index % 4 === 3 && node !== giver)
    await closeAll(simulation, gone)
    expect(await find(simulation, giver, infoHash, 60 * SECOND)).toContainEqual({ host: "99.1.2.3", port: 7777 })
    search.close()
    await closeAll(simulation, [...nodes.filter((node) => !gone.includes(node)), announcer])
  })

  it("is not led astray by a third of the nodes, who invent neighbours of whatever is asked for", async () => {
    const simulation = createSimulation({ seed: 3 })
    const random = seededRandom(3)
    const nodes = await network(simulation, 90)
    const infoHash = random.bytes(20)
    const liars = nodes.filter((_, index) => index % 3 === 1)
    for (const liar of liars) {
      liar.intercept = (datagram, from) => {
        const message = decodeMessage(datagram)
        if (message.kind !== "query" || message.question.method === "announce_peer") return false
        const { question, transaction } = message
        const target =
          question.method === "find_node"
            ? question.target
            : question.method === "get_peers"
              ? question.infoHash
              : random.bytes(20)
        // Ever closer, at addresses where nobody is.
        const invented = Array.from({ length: 16 }, () => {
          const id = target.slice()
          id.set(random.bytes(2), 18)
          return { id, host: `77.${random.below(256)}.${random.below(256)}.9`, port: 1 + random.below(65535) }
        })
        const answer = {
          nodes: invented,
          token: Uint8Array.of(1),
          values: question.method === "get_peers" ? [{ host: "192.168.1.1", port: 80 }] : [],
        }
        liar.udp.send(encodeResponse({ transaction, id: liar.dht.nodes[0]!.id, answer, ip: from }), from)
        return true
      }
    }
    const honest = nodes.filter((node) => !liars.includes(node))
    const announcer = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], announcePort: 7777 }),
      LIMIT,
    )
    const search = announcer.dht.search({ infoHash, onPeers: () => {} })
    await pass(simulation, 40 * SECOND)
    for (const index of [2, 30, 59]) {
      const found = await find(simulation, honest[index]!, infoHash, 30 * SECOND)
      expect(found).toContainEqual({ host: "99.1.2.3", port: 7777 })
      // A node from outside may not send us to our own network.
      expect(found.map(({ host }) => host)).not.toContain("192.168.1.1")
    }
    search.close()
    await closeAll(simulation, [...nodes, announcer])
  })

  it("gives a node whose id does not fit its address one that does, once others say where they see it (BEP 42)", async () => {
    const simulation = createSimulation({ seed: 4 })
    const nodes = await network(simulation, 40)
    const host = "99.1.2.3"
    const newcomer = await simulation.runUntil(
      startDht(simulation, host, { bootstrap: [ENTRY], id: new Uint8Array(20) }),
      LIMIT,
    )
    await pass(simulation, 30 * SECOND)
    const { id } = newcomer.dht.nodes[0]!
    expect(isSecureId(id, parseIp(host)!)).toBe(true)
    expect(newcomer.dht.size).toBeGreaterThan(8)
    await closeAll(simulation, [...nodes, newcomer])
  })

  it("begins where it ended: what was kept leads back in without any host to begin with", async () => {
    const simulation = createSimulation({ seed: 5 })
    const nodes = await network(simulation, 40)
    const store = new MemoryStore()
    const first = await simulation.runUntil(startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], store }), LIMIT)
    await pass(simulation, 10 * SECOND)
    await closeAll(simulation, [first])
    expect(store.bytes!.length).toBeGreaterThan(100)
    const again = await simulation.runUntil(startDht(simulation, "99.1.2.4", { store, announcePort: 5 }), LIMIT)
    await find(simulation, again, seededRandom(5).bytes(20), 5 * SECOND)
    expect(again.dht.size).toBeGreaterThan(8)
    await closeAll(simulation, [...nodes, again])
  })

  it("is found within minutes by a node that had no network all night", async () => {
    const simulation = createSimulation({ seed: 7 })
    const early = await simulation.runUntil(startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY] }), LIMIT)
    await simulation.run(12.5 * 3_600 * SECOND)
    const nodes = await network(simulation, 10)
    await simulation.run(600 * SECOND)
    expect(early.dht.size).toBeGreaterThan(5)
    await closeAll(simulation, [...nodes, early])
  })

  it("hears nothing of a node that only reads (BEP 43), and none of its kind is in anybody's table", async () => {
    const simulation = createSimulation({ seed: 6 })
    const nodes = await network(simulation, 30)
    const reader = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], readOnly: true }),
      LIMIT,
    )
    const { id } = reader.dht.nodes[0]!
    await find(simulation, reader, seededRandom(6).bytes(20), 20 * SECOND)
    expect(reader.dht.size).toBeGreaterThan(8)
    for (const { dht } of nodes) {
      for (const node of dht.nodes)
        expect(node.contacts().some((contact) => sharedBits(contact.id, id) === 160)).toBe(false)
    }
    await closeAll(simulation, [...nodes, reader])
  })

  it("gets a node for good in who goes on giving what was only fetched at first", async () => {
    const simulation = createSimulation({ seed: 28 })
    const nodes = await network(simulation, 10)
    const dataset = simDataset({ "a.bin": 1000 }, { pieceLength: 32_768 })
    const platform = simulation.platform("99.1.2.3")
    putDataset(platform, dataset)
    const limits = { dht: { bootstrap: [ENTRY], store: new MemoryStore() } }
    const giver = await simulation.runUntil(startNode({ platform, dataset, limits }), LIMIT)
    const contacts = () => nodes.flatMap(({ dht }) => dht.nodes.flatMap((node) => [...node.contacts()]))
    const isKnown = (): boolean => contacts().some(({ host }) => host === "99.1.2.3")
    await pass(simulation, 60 * SECOND)
    expect([giver.torrent.state, isKnown()]).toEqual(["complete", false])
    giver.torrent.want({ fetch: false, seed: true })
    await pass(simulation, 60 * SECOND)
    expect([giver.torrent.state, isKnown()]).toEqual(["seeding", true])
    await simulation.runUntil(giver.close(), LIMIT)
    await closeAll(simulation, nodes)
  })

  it.each([
    { isPrivate: true, sentence: "hears nothing of a private torrent (BEP 27), not even that somebody is there" },
    { isPrivate: false, sentence: "is told of any other that is given" },
  ])("$sentence", async ({ isPrivate }) => {
    const simulation = createSimulation({ seed: 27 })
    const nodes = await network(simulation, 10)
    const made = simDataset({ "a.bin": 1000 }, { pieceLength: 32_768 })
    const dataset = { ...made, metainfo: { ...made.metainfo, private: isPrivate } }
    const platform = simulation.platform("99.1.2.3")
    putDataset(platform, dataset)
    let heard = 0
    for (const node of nodes)
      node.intercept = (_, from) => {
        if (from.host === "99.1.2.3") heard++
        return false
      }
    const limits = { dht: { bootstrap: [ENTRY], store: new MemoryStore() } }
    const giver = await simulation.runUntil(startNode({ platform, dataset, fetch: false, seed: true, limits }), LIMIT)
    await pass(simulation, 60 * SECOND)
    const holders = nodes.filter(({ dht }) => dht.nodes.some((node) => node.storedPeers > 0))
    expect([heard > 0, holders.length > 0]).toEqual([!isPrivate, !isPrivate])
    expect((await handshakeWith(simulation, "99.1.2.3", dataset.metainfo.infoHash)).dht).toBe(!isPrivate)
    await simulation.runUntil(giver.close(), LIMIT)
    await closeAll(simulation, nodes)
  })

  it("is searched for a hundred torrents at once: no search suffers by it, and all are announced", async () => {
    const simulation = createSimulation({ seed: 8 })
    const random = seededRandom(8)
    const nodes = await network(simulation, 12)
    const reader = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], readOnly: true, announcePort: 7777 }),
      LIMIT,
    )
    await pass(simulation, 5 * SECOND)
    const searches = Array.from({ length: 100 }, () =>
      reader.dht.search({ infoHash: random.bytes(20), onPeers: () => {} }),
    )
    for (let waited = 0; waited < 60; waited++) {
      await pass(simulation, SECOND)
      for (const search of searches) expect(search.status).not.toBe("no node of the DHT answers")
    }
    expect(searches.filter(({ status }) => status === "the DHT knows no peer").length).toBeGreaterThan(90)
    await pass(simulation, 60 * SECOND)
    // At the eight that are closest to each.
    const stored = nodes.map(({ dht }) => dht.nodes.reduce((sum, node) => sum + node.storedPeers, 0))
    expect(stored.reduce((sum, count) => sum + count)).toBeGreaterThan(700)
    await closeAll(simulation, [...nodes, reader])
  })

  it("does not take our own announce for somebody who has the torrent", async () => {
    const simulation = createSimulation({ seed: 9 })
    const nodes = await network(simulation, 20)
    const alone = await simulation.runUntil(
      startDht(simulation, "99.1.2.3", { bootstrap: [ENTRY], readOnly: true, announcePort: 7777 }),
      LIMIT,
    )
    const found: Endpoint[] = []
    const search = alone.dht.search({ infoHash: new Uint8Array(20).fill(5), onPeers: (peers) => found.push(...peers) })
    // Round after round, of which all but the first are told of the announce after the one before.
    await pass(simulation, 300 * SECOND)
    expect([search.hopeful, search.status, found]).toEqual([false, "the DHT knows no peer", []])
    const other = await simulation.runUntil(
      startDht(simulation, "99.7.7.7", { bootstrap: [ENTRY], readOnly: true, announcePort: 7777 }),
      LIMIT,
    )
    const others = other.dht.search({ infoHash: new Uint8Array(20).fill(5), onPeers: () => {} })
    await pass(simulation, 30 * SECOND)
    expect([others.hopeful, others.status]).toEqual([true, "the DHT named 1 peer"])
    for (const one of [search, others]) one.close()
    await closeAll(simulation, [...nodes, alone, other])
  })

  it("finds nobody, and says so, where nobody is", async () => {
    const simulation = createSimulation({ seed: 7 })
    const alone = await simulation.runUntil(startDht(simulation, "99.1.2.3", { readOnly: true }), LIMIT)
    const search = alone.dht.search({ infoHash: new Uint8Array(20), onPeers: () => {} })
    await pass(simulation, SECOND)
    expect(search.hopeful).toBe(false)
    expect(search.status).toBe("no node of the DHT answers")
    search.close()
    await closeAll(simulation, [alone])
  })
})
