import { expect, it } from "vitest"
import { LSD_GROUPS } from "../../src/lsd/lsd.js"
import type { Endpoint } from "../../src/ports/net.js"
import { DhtDiscovery } from "../../src/session/dht-discovery.js"
import { decodeExtensionHandshake, EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake } from "../../src/wire/extension.js"
import { RecordingSink } from "../unit/wire/calls.js"
import { MemoryStore, startDht } from "./lib/dht-network.js"
import { Puppet } from "./lib/puppet.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { putDataset, type SimDataset, simDataset } from "./lib/sim-dataset.js"
import { startNode } from "./lib/sim-node.js"
import { createSimulation, type Simulation } from "./lib/simulation.js"

/** Virtual ms. */
const SECOND = 1000
const LIMIT = 3_600 * SECOND
const OURS = "99.1.2.3"
const ROUTER = "99.1.2.254"
const TRACKER = "98.0.0.1"
const STRANGER = "93.184.216.34"
const NEIGHBOUR = "10.0.0.9"
const NODE = { host: "20.0.0.7", port: 6881 }

/** A router that speaks NAT-PMP, and gives that port to whoever asks. */
async function serveRouter(simulation: Simulation, outerPort: number): Promise<void> {
  const { udp } = simulation.platform(ROUTER)
  const socket = await simulation.runUntil(
    udp.open({ family: 4, port: 5351 }, (request, from) => {
      const answer = Buffer.alloc(16)
      answer[1] = 128 + request[1]!
      answer.set(request.subarray(4, 6), 8)
      answer.writeUInt16BE(outerPort, 10)
      answer.writeUInt32BE(7200, 12)
      socket.send(answer, from)
    }),
  )
}

/** Which port of ours a peer at that address is told of. */
async function toldPeer(simulation: Simulation, host: string, dataset: SimDataset): Promise<number | undefined> {
  const sink = new RecordingSink()
  let told: number | undefined
  sink.onExtended = (id, payload) => {
    if (id === EXTENSION_HANDSHAKE_ID) told = decodeExtensionHandshake(payload)?.listenPort
  }
  const peer = new Puppet(simulation.platform(host), dataset, sink)
  peer.encoder.extended(EXTENSION_HANDSHAKE_ID, encodeExtensionHandshake({ messages: new Map() }))
  peer.connect(OURS)
  await simulation.run(SECOND)
  peer.close()
  return told
}

it.each([
  { outerPort: 40_001, announced: ["6881", "40001"] },
  { outerPort: 6881, announced: ["6881"] },
])(
  "who shares behind a router that lets peers in at $outerPort is announced there, and to neighbours at its own port",
  async ({ outerPort, announced }) => {
    const simulation = createSimulation({ seed: 1 })
    const until = <T>(promise: Promise<T>): Promise<T> => simulation.runUntil(promise, LIMIT)
    await serveRouter(simulation, outerPort)
    const dataset = simDataset({ "a.bin": 1000 }, { pieceLength: 32_768, trackers: [[`http://${TRACKER}/announce`]] })
    const announces = serveTracker(simulation, TRACKER)
    const neighbourly: string[] = []
    const { multicast } = simulation.platform("99.1.2.4")
    await until(multicast.join(LSD_GROUPS[0]!, (datagram) => neighbourly.push(Buffer.from(datagram).toString())))
    const [entry, other] = [
      await until(startDht(simulation, NODE.host)),
      await until(startDht(simulation, "30.0.0.7", { bootstrap: [NODE] })),
    ]
    const platform = simulation.platform(OURS)
    putDataset(platform, dataset)
    const limits = {
      dht: { bootstrap: [NODE], store: new MemoryStore() },
      lsd: true,
      router: () => ({ gateway: ROUTER, ownAddress: OURS }),
    }
    const giver = await until(startNode({ platform, dataset, fetch: false, seed: true, limits }))
    await simulation.run(60 * SECOND)

    expect(announces.map((announce) => announce.get("port"))).toEqual(announced)
    const found: Endpoint[] = []
    const search = other.dht.search({ infoHash: dataset.metainfo.infoHash, onPeers: (peers) => found.push(...peers) })
    await simulation.run(10 * SECOND)
    search.close()
    expect(found).toContainEqual({ host: OURS, port: outerPort })
    expect(neighbourly.length).toBeGreaterThan(0)
    for (const datagram of neighbourly) expect(datagram).toMatch(/\r\nPort: 6881\r\n/)
    expect(await toldPeer(simulation, STRANGER, dataset)).toBe(outerPort)
    expect(await toldPeer(simulation, NEIGHBOUR, dataset)).toBe(6881)
    // What UDP has outside is not known.
    const link = giver.session.discoveries.find((discovery) => discovery instanceof DhtDiscovery)!
    expect([STRANGER, NEIGHBOUR].map((host) => link.port(host))).toEqual([outerPort === 6881 ? 6881 : undefined, 6881])

    await until(giver.close())
    for (const { dht, udp } of [entry, other]) {
      await until(dht.close())
      await until(udp.close())
    }
    expect(platform.clock.pendingTimers).toBe(0)
  },
)
