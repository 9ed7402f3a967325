import { describe, expect, it } from "vitest"
import { NAT_PMP_PORT } from "../../../src/portmap/nat-pmp.js"
import { NatPmpMap } from "../../../src/portmap/nat-pmp-map.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const ROUTER = "10.0.0.254"
const HOUR = 3_600_000

interface Asked {
  readonly operation: number
  readonly outerPort: number
  readonly lifetime: number
}

const asking = (operation: number, lifetime: number, outerPort = 6881) => ({ operation, outerPort, lifetime })

/** A router that hears every request, and answers as it is told: nothing, a code, or another port. */
async function scene(
  how: {
    answers?: boolean
    code?: number | ((request: number) => number)
    outerPort?: (operation: number) => number
    from?: string
  } = {},
) {
  const simulation = createSimulation({ seed: 1 })
  const us = simulation.platform("10.0.0.1")
  const router = simulation.platform(ROUTER)
  const stranger = simulation.platform("10.0.0.66")
  const asked: Asked[] = []
  const { answers = true, code = 0, outerPort } = how
  const other = await simulation.runUntil(stranger.udp.open({ family: 4, port: NAT_PMP_PORT }, () => {}))
  const socket = await simulation.runUntil(
    router.udp.open({ family: 4, port: NAT_PMP_PORT }, (datagram: Uint8Array, from: Endpoint) => {
      const request = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
      const operation = request.getUint8(1)
      asked.push({ operation, outerPort: request.getUint16(6), lifetime: request.getUint32(8) })
      if (!answers) return
      const answer = new DataView(new ArrayBuffer(16))
      answer.setUint8(1, 128 + operation)
      answer.setUint16(2, typeof code === "number" ? code : code(asked.length))
      answer.setUint16(8, request.getUint16(4))
      answer.setUint16(10, outerPort?.(operation) ?? request.getUint16(4))
      answer.setUint32(12, 7200)
      const sender = how.from === "stranger" ? other : socket
      sender.send(new Uint8Array(answer.buffer), from)
    }),
  )
  const outerPorts: number[] = []
  const onOuterPort = (port: number): void => void outerPorts.push(port)
  const map = await simulation.runUntil(NatPmpMap.open({ platform: us, gateway: ROUTER, port: 6881, onOuterPort }))
  const said = () => us.log.lines.filter(({ scope }) => scope === "portmap").map(({ message }) => message)
  return { simulation, map, asked, outerPorts, said }
}

describe("a port map by NAT-PMP", () => {
  it("is asked for TCP and UDP, renewed in time, and taken back", async () => {
    const { simulation, map, asked, said } = await scene()
    await simulation.run(1000)
    expect(asked).toEqual([asking(2, 7200), asking(1, 7200)])
    expect(said()).toEqual(["the router lets peers in at TCP port 6881", "the router lets peers in at UDP port 6881"])
    await simulation.run(2 * HOUR)
    expect(asked).toHaveLength(6)
    expect(said()).toHaveLength(2)
    await simulation.runUntil(map.close())
    await simulation.run(1000)
    expect(asked.slice(6)).toEqual([asking(2, 0, 0), asking(1, 0, 0)])
    await simulation.run(3 * HOUR)
    expect(asked).toHaveLength(8)
  })

  it("says once that a router does not answer, and asks again after an hour", async () => {
    const { simulation, map, asked, said } = await scene({ answers: false })
    await simulation.run(HOUR / 2)
    expect(asked).toHaveLength(18)
    await simulation.run(HOUR)
    expect(asked).toHaveLength(36)
    expect(said()).toHaveLength(2)
    expect(said()[0]).toMatch(/does not answer NAT-PMP/)
    await simulation.runUntil(map.close())
    await simulation.run(5 * HOUR)
    expect(asked).toHaveLength(36)
  })

  it("is not believed when another one answers", async () => {
    const { simulation, map, said } = await scene({ from: "stranger" })
    await simulation.run(HOUR)
    expect(said()[0]).toMatch(/does not answer/)
    await simulation.runUntil(map.close())
  })

  it("is kept when it is at another port, which is told once, and asked for from then on", async () => {
    const { simulation, map, asked, outerPorts, said } = await scene({
      outerPort: (operation) => (operation === 2 ? 40_001 : 40_002),
    })
    await simulation.run(1.5 * HOUR)
    expect(map.mapped).toBe(true)
    expect(asked.slice(2)).toEqual([asking(2, 7200, 40_001), asking(1, 7200, 40_002)])
    expect(outerPorts).toEqual([40_001])
    expect(said()).toEqual([
      "the router lets peers in at TCP port 40001, which leads to 6881",
      "the router lets peers in at UDP port 40002, which leads to 6881",
    ])
    await simulation.runUntil(map.close())
    await simulation.run(1000)
    expect(asked.slice(4)).toEqual([asking(2, 0, 0), asking(1, 0, 0)])
  })

  it("that the router renews at another port is told again", async () => {
    let given = 6881
    const { simulation, map, outerPorts } = await scene({ outerPort: () => given })
    await simulation.run(HOUR / 2)
    given = 40_001
    await simulation.run(HOUR)
    expect(outerPorts).toEqual([6881, 40_001])
    await simulation.runUntil(map.close())
  })

  it("that is refused is said once, and asked for again every hour", async () => {
    const { simulation, map, asked, said } = await scene({ code: 2 })
    await simulation.run(4.5 * HOUR)
    expect(asked).toHaveLength(10)
    expect(said()).toHaveLength(2)
    expect(said()[0]).toMatch(/does not allow it/)
    await simulation.runUntil(map.close())
  })

  it("that a router without an address does not renew is had again later", async () => {
    // The renewal after an hour, of both.
    const { simulation, map, asked, said } = await scene({
      code: (request) => (request === 3 || request === 4 ? 3 : 0),
    })
    await simulation.run(HOUR / 2)
    expect(map.mapped).toBe(true)
    await simulation.run(HOUR)
    expect(map.mapped).toBe(false)
    expect(said().at(-1)).toMatch(/no address itself/)
    await simulation.run(HOUR)
    expect(map.mapped).toBe(true)
    expect(asked).toHaveLength(6)
    await simulation.runUntil(map.close())
  })

  it("is taken back, too, when it was asked for and the answer is on its way", async () => {
    const { simulation, map, asked } = await scene()
    await simulation.runUntil(map.close())
    await simulation.run(HOUR)
    expect(asked.map(({ lifetime }) => lifetime)).toEqual([7200, 7200, 0, 0])
  })
})
