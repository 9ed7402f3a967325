import { describe, expect, it } from "vitest"
import type { Endpoint, Net, StreamListener } from "../../../src/ports/net.js"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"
import { ExternalAddress } from "../../../src/torrent/finding/external-address.js"
import { MetadataSwarm } from "../../../src/torrent/metadata/metadata-swarm.js"
import { TrackerClient } from "../../../src/tracker/tracker-client.js"
import type { EncryptionPolicy } from "../../../src/wire/encryption-policy.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { createSimulation } from "../../sim/lib/simulation.js"
import { infoHash, MemoryStream, ourId } from "../peer/harness.js"

const nothing = (): void => {}

function stage(
  budget = new ConnectionBudget(),
  { encryption = "allow", net }: { encryption?: EncryptionPolicy; net?: Pick<Net, "connect"> } = {},
) {
  const simulated = createSimulation({ seed: 1 }).platform("10.0.0.1")
  const platform = { ...simulated, net: (net ?? simulated.net) as Net }
  const swarm = new MetadataSwarm(
    {
      platform,
      peerId: ourId,
      clientVersion: "x",
      budget,
      encryption,
      trackerClient: new TrackerClient(platform),
      external: new ExternalAddress(),
    },
    {
      infoHash,
      infoHashV2: undefined,
      host: { onOffer: nothing, onMessage: nothing, onSpeaksV2: nothing, onHashes: nothing, onLeft: nothing },
    },
  )
  let ids = 0
  /** Somebody connects to us; `stalls`: half of its handshake is still to come. */
  const come = (stalls = false) => {
    const stream = new MemoryStream()
    const handshake = encodeHandshake(infoHash, new Uint8Array(20).fill(++ids))
    const isTaken = swarm.accept(stream, stalls ? handshake.subarray(0, 48) : handshake) !== undefined
    return { stream, isTaken }
  }
  const dial = (count: number): void => {
    const endpoints = Array.from({ length: count }, (_, i) => ({ host: `10.0.1.${i + 1}`, port: 6881 }))
    swarm.addPeers(endpoints, "tracker", false)
  }
  return { swarm, come, dial }
}

describe("the peers of who lacks the metadata", () => {
  it("may come in while many others are being connected to, and the other way round", () => {
    const { swarm, come, dial } = stage()
    dial(40)
    expect(swarm.connections).toBe(30)
    const came = Array.from({ length: 20 }, () => come().isTaken)
    expect(came.filter(Boolean)).toHaveLength(15)
    swarm.close()
    const other = stage()
    for (let i = 0; i < 15; i++) other.come()
    other.dial(40)
    expect(other.swarm.connections).toBe(45)
    other.swarm.close()
  })

  it.each<[string, () => ReturnType<typeof stage>]>([
    ["places", () => stage()],
    ["connections of the session", () => stage(new ConnectionBudget(15))],
  ])("do not keep others out by stalling in their handshake, when no more %s are left", (_, make) => {
    const { swarm, come } = make()
    const stalling = [come(true), come(true)]
    while (come().isTaken && !stalling[1]!.stream.destroyed);
    expect(stalling.map(({ stream }) => stream.destroyed)).toEqual([true, true])
    expect(come().isTaken).toBe(false)
    swarm.close()
  })

  it.each([
    ["allow", 2],
    ["off", 1],
    ["require", 1],
  ] as const)("are given up when all ways to begin are refused; encryption %s", (encryption, ways) => {
    const listeners: StreamListener[] = []
    const connect = (_: Endpoint, listener: StreamListener) => {
      listeners.push(listener)
      return new MemoryStream()
    }
    const { swarm, dial } = stage(undefined, { encryption, net: { connect } })
    dial(1)
    for (let way = 1; way <= ways; way++) {
      expect([listeners.length, swarm.exhausted]).toEqual([way, false])
      listeners.at(-1)!.onOpen()
      listeners.at(-1)!.onClose()
      if (way < ways) swarm.connectMore()
    }
    expect(swarm.exhausted).toBe(true)
  })
})
