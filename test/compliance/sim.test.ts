import { createSimulation, type Simulation } from "../sim/lib/simulation.js"
import { describeClockCompliance } from "./clock.js"
import { describeDiskCompliance } from "./disk.js"
import { describeHasherCompliance } from "./hasher.js"
import { describeHttpCompliance } from "./http.js"
import { describeLockCompliance } from "./lock.js"
import { describeMulticastCompliance } from "./multicast.js"
import { describeNetCompliance } from "./net.js"
import { describeRandomCompliance } from "./random.js"
import type { Stage } from "./stage.js"
import { describeUdpCompliance } from "./udp.js"

const NAME = "the simulator"
const CLIENT = ["10.0.0.1", "fd00::1"]
const SERVER = ["10.0.0.2", "fd00::2"]

/** Half an hour of virtual time is enough for every scenario. */
function stageOf<T>(subjectOf: (simulation: Simulation) => T): () => Stage<T> {
  return () => {
    const simulation = createSimulation({ seed: "compliance", tcp: { scribbleWrites: true } })
    return { subject: subjectOf(simulation), run: (scenario) => simulation.runUntil(scenario, 1_800_000) }
  }
}

describeClockCompliance(
  NAME,
  stageOf((simulation) => simulation.platform(CLIENT).clock),
)
describeRandomCompliance(
  NAME,
  stageOf((simulation) => simulation.platform(CLIENT).random),
)
describeHasherCompliance(
  NAME,
  stageOf((simulation) => {
    const { hasher, disk } = simulation.platform(CLIENT)
    disk.putDirectory("/root")
    return { hasher, disk, root: "/root", link: (path, target) => disk.putLink(path, target) }
  }),
)

describeLockCompliance(
  NAME,
  stageOf((simulation) => {
    const { acquireLock, disk } = simulation.platform(CLIENT)
    disk.putDirectory("/folder")
    return { acquireLock, folder: "/folder" }
  }),
)

describeDiskCompliance(
  NAME,
  stageOf((simulation) => {
    const { disk } = simulation.platform(CLIENT)
    disk.putDirectory("/root")
    return {
      disk,
      root: "/root",
      link: (path, target) => disk.putLink(path, target),
      get fullFile() {
        disk.putFile("/root/full", new Uint8Array(10))
        disk.setFreeBytes(0)
        return "/root/full"
      },
    }
  }),
)

describeNetCompliance(
  NAME,
  stageOf((simulation) => ({
    clock: simulation.platform(CLIENT).clock,
    client: simulation.platform(CLIENT).net,
    server: simulation.platform(SERVER).net,
    addresses: { 4: SERVER[0]!, 6: SERVER[1] },
  })),
)

describeUdpCompliance(
  NAME,
  stageOf((simulation) => ({
    udp: simulation.platform(CLIENT).udp,
    addresses: { 4: CLIENT[0]!, 6: CLIENT[1] },
  })),
)

describeMulticastCompliance(
  NAME,
  stageOf((simulation) => ({
    multicast: simulation.platform(CLIENT).multicast,
    neighbour: simulation.platform(CLIENT).multicast,
    addresses: { 4: CLIENT[0]!, 6: CLIENT[1] },
  })),
)

describeHttpCompliance(
  NAME,
  stageOf((simulation) => {
    let servers = 0
    const { http, clock } = simulation.platform(CLIENT)
    return {
      http,
      clock,
      deadOrigin: "http://10.0.0.1:9",
      serve: (handler) => {
        const origin = `http://10.1.0.${++servers}:8080`
        const server = simulation.web.serve(origin, handler)
        const { requests } = server
        return Promise.resolve({
          origin,
          requests,
          get connections() {
            return server.connections
          },
        })
      },
    }
  }),
)
