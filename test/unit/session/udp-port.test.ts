import { describe, expect, it } from "vitest"
import { protocolOf, UdpPort } from "../../../src/session/udp-port.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const KRPC = new TextEncoder().encode("d1:y1:qe")
const UTP = new Uint8Array(20).fill(0x41, 0, 1)

describe("the UDP port", () => {
  it("tells KRPC from uTP by the first byte, and drops the rest", () => {
    expect(protocolOf(KRPC)).toBe("krpc")
    for (const type of [0, 1, 2, 3, 4]) expect(protocolOf(new Uint8Array([(type << 4) | 1]))).toBe("utp")
    for (const first of [0x51, 0x00, 0x42, 0x65, 0xff]) expect(protocolOf(new Uint8Array([first]))).toBeUndefined()
    expect(protocolOf(new Uint8Array(0))).toBeUndefined()
  })

  it("brings each protocol to its own handler, in both families, at one number", async () => {
    const simulation = createSimulation({ seed: 1 })
    const far = simulation.platform(["10.0.0.1", "2001:db8::1"])
    const near = simulation.platform(["10.0.0.2", "2001:db8::2"])
    const heard: string[] = []
    const port = await simulation.runUntil(UdpPort.open(far.udp, 6881))
    const other = await simulation.runUntil(UdpPort.open(near.udp, 0))
    expect(port.port).toBe(6881)
    expect([port.speaks(4), port.speaks(6)]).toEqual([true, true])
    port.handle("krpc", (datagram, from) => {
      heard.push(`krpc from ${from.host}`)
      port.send(datagram, from)
    })
    port.handle("utp", (datagram, from) => heard.push(`utp of ${datagram.length} from ${from.host}`))
    other.handle("krpc", () => heard.push("answered"))
    for (const host of ["10.0.0.1", "2001:db8::1"]) {
      other.send(KRPC, { host, port: 6881 })
      other.send(UTP, { host, port: 6881 })
      other.send(new Uint8Array([0xff]), { host, port: 6881 })
      await simulation.run(100)
    }
    expect(heard).toEqual([
      "krpc from 10.0.0.2",
      "utp of 20 from 10.0.0.2",
      "answered",
      "krpc from 2001:db8::2",
      "utp of 20 from 2001:db8::2",
      "answered",
    ])
    port.handle("utp", undefined)
    other.send(UTP, { host: "10.0.0.1", port: 6881 })
    await simulation.run(100)
    expect(heard).toHaveLength(6)
    await simulation.runUntil(Promise.all([port.close(), other.close()]))
    expect(simulation.clock.pendingTimers).toBe(0)
  })

  it("does without IPv6 where the number is taken, and refuses where IPv4's is", async () => {
    const simulation = createSimulation({ seed: 1 })
    const { udp } = simulation.platform("10.0.0.1")
    const six = await simulation.runUntil(udp.open({ family: 6, port: 6881 }, () => {}))
    const port = await simulation.runUntil(UdpPort.open(udp, 6881))
    expect([port.speaks(4), port.speaks(6)]).toEqual([true, false])
    await expect(simulation.runUntil(UdpPort.open(udp, 6881))).rejects.toThrow()
    await simulation.runUntil(Promise.all([six.close(), port.close()]))
  })
})
