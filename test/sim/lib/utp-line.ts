import { expect, onTestFinished, vi } from "vitest"
import { Incoming } from "../../../src/utp/incoming.js"
import { Recorder } from "../../compliance/net-recorder.js"
import { fingerprint } from "../../support/bytes.js"
import { BusyProcess } from "./busy-process.js"
import { SimRandom } from "./sim-random.js"
import { createSimulation, type Simulation } from "./simulation.js"
import { type UtpMemory, UtpNet } from "./utp-net.js"
import type { HostProfile } from "./virtual-network.js"

const LIMIT = 3_600_000
const { selectiveAck } = Incoming.prototype

/** Two sides and a uTP connection between them. */
export interface UtpLine {
  readonly simulation: Simulation
  readonly net: UtpNet
  readonly far: UtpNet
  readonly client: Recorder
  readonly server: Recorder
  /** What the sides run in. */
  readonly processes: { readonly near: BusyProcess; readonly far: BusyProcess }
}

/** A connection from 10.0.0.1, which hangs on `link`, to 10.0.0.2. `memory`: of the latter. */
export async function openLine(link: Partial<HostProfile>, seed = 1, memory: UtpMemory = {}): Promise<UtpLine> {
  const simulation = createSimulation({ seed })
  const near = new BusyProcess(simulation, simulation.platform("10.0.0.1", link))
  const away = new BusyProcess(simulation, simulation.platform("10.0.0.2", { latency: 0 }))
  const net = await simulation.runUntil(new UtpNet(near).open())
  const far = await simulation.runUntil(new UtpNet(away, memory).open(6881))
  const [client, server] = [new Recorder(), new Recorder()]
  far.socket.listen((stream) => {
    server.stream = stream
    return server
  })
  client.stream = net.connect({ host: "10.0.0.2", port: 6881 }, client)
  await simulation.runUntil(client.untilOpen())
  return { simulation, net, far, client, server, processes: { near, far: away } }
}

/** Bytes a second that `length` bytes get through from the client. */
export async function goodput(line: UtpLine, length: number): Promise<number> {
  const { simulation, client, server } = line
  const data = new SimRandom("data").bytes(length)
  const start = simulation.clock.now()
  const before = server.length
  client.stream!.write(data)
  await simulation.runUntil(() => server.length >= before + length, LIMIT)
  expect(fingerprint(server.bytes.subarray(before))).toBe(fingerprint(data))
  return (length / (simulation.clock.now() - start)) * 1000
}

/** Selective acknowledgements have so many bytes at most until the end of the test: of libutp's they have 4, and reach across 30 packets. */
export function tellNoFurther(bytes: number): void {
  vi.spyOn(Incoming.prototype, "selectiveAck").mockImplementation(function (this: Incoming) {
    return selectiveAck.call(this).subarray(0, bytes)
  })
  onTestFinished(() => {
    vi.restoreAllMocks()
  })
}

/** Of what a side sends from now on, the packets that `isLost` names by their count, from 0, do not get through. */
export function losePackets(net: UtpNet, isLost: (count: number) => boolean): void {
  const send = net.port.send.bind(net.port)
  let count = 0
  net.port.send = (...args) => {
    if (!isLost(count++)) send(...args)
  }
}
