import { expect, it } from "vitest"
import { Session } from "../../src/session/session.js"
import { serveTracker } from "./lib/serve-tracker.js"
import { simDataset } from "./lib/sim-dataset.js"
import { addTorrent } from "./lib/sim-node.js"
import { createSimulation } from "./lib/simulation.js"

const KiB = 1024
/** ms of virtual time. */
const LIMIT = 60_000
const TORRENTS = 12

it("a session's torrents share one limit for their tracker and one socket for datagrams", async () => {
  const simulation = createSimulation({ seed: 1 })
  const heard = serveTracker(simulation, "10.0.2.1")
  const platform = simulation.platform("10.0.0.1")
  let sockets = 0
  const udp: typeof platform.udp = {
    open: (...parameters) => {
      sockets++
      return platform.udp.open(...parameters)
    },
  }
  const opening = Session.open({ platform: { ...platform, udp }, clientVersion: "sim", port: 6881, utp: false })
  const session = await simulation.runUntil(opening, LIMIT)
  const trackers = [["http://10.0.2.1/announce"], ["udp://10.0.2.2:80"]]
  for (let index = 0; index < TORRENTS; index++) {
    const dataset = simDataset({ [`${index}.bin`]: KiB }, { name: `data${index}`, pieceLength: 16 * KiB, trackers })
    await simulation.runUntil(addTorrent(session, { platform, dataset }), LIMIT)
  }
  await simulation.run(20_000)
  const ofEvent = (event: string) => heard.filter((asked) => asked.get("event") === event)
  expect(new Set(ofEvent("started").map((asked) => asked.get("info_hash"))).size).toBe(TORRENTS)
  expect(sockets).toBe(1)
  const closing = simulation.clock.now()
  await simulation.runUntil(session.close(), LIMIT)
  expect(simulation.clock.now() - closing).toBeLessThan(6_000)
  expect(ofEvent("stopped")).toHaveLength(TORRENTS)
})
