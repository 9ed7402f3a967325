import { expect, it } from "vitest"
import { PortMap } from "../../../src/portmap/port-map.js"
import { createSimulation } from "../../sim/lib/simulation.js"

const ROUTER = "10.0.0.254"
const SECOND = 1000

/** A router that knows NAT-PMP or not, and counts who asks for UPnP. */
async function scene({ natPmp, ownAddress = "10.0.0.1" }: { natPmp: boolean; ownAddress?: string | undefined }) {
  const simulation = createSimulation({ seed: 1 })
  const us = simulation.platform("10.0.0.1")
  const router = simulation.platform(ROUTER)
  const socket = await simulation.runUntil(
    router.udp.open({ family: 4, port: 5351 }, (datagram, from) => {
      if (!natPmp) return
      const answer = Buffer.alloc(16)
      answer[1] = 128 + datagram[1]!
      answer.set(datagram.subarray(4, 6), 8)
      answer.set(datagram.subarray(4, 6), 10)
      answer.writeUInt32BE(7200, 12)
      socket.send(answer, from)
    }),
  )
  let searches = 0
  await simulation.runUntil(router.udp.open({ family: 4, port: 1900 }, () => searches++))
  const map = await simulation.runUntil(
    PortMap.open({ platform: us, gateway: ROUTER, ownAddress, port: 6881, onOuterPort: () => {} }),
  )
  await simulation.run(10 * SECOND)
  await simulation.runUntil(map.close())
  expect(us.clock.pendingTimers).toBe(0)
  return searches
}

it("asks by UPnP, too, when NAT-PMP has brought nothing in a second", async () => {
  expect(await scene({ natPmp: true })).toBe(0)
  expect(await scene({ natPmp: false })).toBeGreaterThan(0)
})
