import { networkInterfaces } from "node:os"
import { nodeClock } from "../../src/node/clock.js"
import { NodeRandom } from "../../src/node/random.js"
import { nodeUdp } from "../../src/node/udp.js"
import { createSimulation } from "../sim/lib/simulation.js"
import { UtpNet } from "../sim/lib/utp-net.js"
import { describeNetCompliance } from "./net.js"

const CLIENT = ["10.0.0.1", "fd00::1"]
const SERVER = ["10.0.0.2", "fd00::2"]

describeNetCompliance("uTP in the simulator", async () => {
  const simulation = createSimulation({ seed: "compliance" })
  const [here, there] = [simulation.platform(CLIENT), simulation.platform(SERVER)]
  const client = await simulation.runUntil(new UtpNet(here).open())
  const server = new UtpNet(there)
  return {
    subject: { clock: here.clock, client, server, addresses: { 4: SERVER[0]!, 6: SERVER[1] } },
    run: (scenario) => simulation.runUntil(scenario, 1_800_000),
  }
})

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))

describeNetCompliance("uTP on Node", async () => {
  const machine = { clock: nodeClock, random: new NodeRandom(), udp: nodeUdp }
  const client = await new UtpNet(machine).open()
  const server = new UtpNet(machine)
  return {
    subject: { clock: nodeClock, client, server, addresses: { 4: "127.0.0.1", 6: hasIpv6 ? "::1" : undefined } },
    run: (scenario) => scenario,
    end: async () => {
      await client.close()
      await server.close()
    },
  }
})
