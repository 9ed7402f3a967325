import { expect, it } from "vitest"
import { encodeAnnounce } from "../../../src/lsd/announce.js"
import { LSD_GROUPS, Lsd } from "../../../src/lsd/lsd.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const HOST = "239.192.152.143:6771"
const infoHash = new Uint8Array(20).fill(7)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** We, who look for a torrent, and a neighbour who can say anything. */
async function scene({ ours = "10.0.0.1", theirs = "10.0.0.2" } = {}) {
  const simulation = createSimulation({ seed: 1 })
  const lsd = await simulation.runUntil(Lsd.start({ platform: simulation.platform(ours), port: 6881 }))
  const heard: Uint8Array[] = []
  const neighbour = await simulation.runUntil(
    simulation.platform(theirs).multicast.join(LSD_GROUPS[0]!, (datagram) => heard.push(datagram)),
  )
  const found: Endpoint[] = []
  const search = lsd.search({ infoHash, onPeers: (peers) => found.push(...peers) })
  const say = async (datagram: Uint8Array): Promise<void> => {
    neighbour.send(datagram)
    await simulation.run(100)
  }
  return { simulation, lsd, search, found, heard, say, neighbour }
}

const announce = (port: number, cookie?: string): Uint8Array =>
  encodeAnnounce(HOST, { port, infoHashes: [new Uint8Array(20), infoHash], cookie })

it("names who announces the torrent, at the address that it came from", async () => {
  const { search, found, say, lsd, simulation } = await scene()
  expect([search.hopeful, search.status]).toEqual([true, "asking the local network"])
  await say(announce(51413))
  expect(found).toEqual([{ host: "10.0.0.2", port: 51413 }])
  await simulation.run(6000)
  expect(search.hopeful).toBe(false)
  await lsd.close()
})

it("passes over its own announces, whoever repeats them, and nonsense", async () => {
  const { simulation, found, heard, say, lsd } = await scene()
  await simulation.run(100)
  expect(heard.map(text)).toEqual([expect.stringContaining("Port: 6881")])
  await say(heard[0]!)
  for (const nonsense of ["", "BT-SEARCH * HTTP/1.1", "GET / HTTP/1.1\r\n\r\n"]) await say(Buffer.from(nonsense))
  expect(found).toEqual([])
  await lsd.close()
})

it("takes nobody at addresses where no peer is", async () => {
  const { found, say, lsd } = await scene({ ours: "169.254.1.1", theirs: "169.254.1.2" })
  await say(announce(51413))
  expect(found).toEqual([])
  await lsd.close()
})

it("looks at no more than a hundred datagrams a second", async () => {
  const { simulation, found, neighbour, lsd } = await scene()
  await simulation.run(1000)
  for (let port = 1; port <= 1000; port++) neighbour.send(announce(port))
  await simulation.run(100)
  expect(found).toHaveLength(100)
  await simulation.run(1000)
  neighbour.send(announce(51413))
  await simulation.run(100)
  expect(found).toHaveLength(101)
  await lsd.close()
})

it("says nothing more of a torrent whose search was closed", async () => {
  const { simulation, search, heard, found, say, lsd } = await scene()
  await simulation.run(1000)
  search.close()
  await simulation.run(400_000)
  expect(heard).toHaveLength(1)
  await say(announce(51413))
  expect(found).toEqual([])
  await lsd.close()
})

it("has no hope where there is no network, and no complaint", async () => {
  const simulation = createSimulation({ seed: 1 })
  const platform = {
    ...simulation.platform("10.0.0.1"),
    multicast: { join: () => Promise.reject(new Error("ENODEV")) },
  }
  const lsd = await Lsd.start({ platform, port: 6881 })
  const search = lsd.search({ infoHash, onPeers: () => {} })
  expect([search.hopeful, search.status]).toEqual([false, "there is no local network to ask"])
  expect(platform.log.lines.map(({ level }) => level)).toEqual(["debug", "debug"])
  expect(platform.clock.pendingTimers).toBe(0)
  await lsd.close()
})
