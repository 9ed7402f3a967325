import { describe, expect, it } from "vitest"
import type { Endpoint } from "../../src/ports/net.js"
import { goodput, losePackets, openLine, type UtpLine } from "./lib/utp-line.js"

const MiB = 1024 * 1024
const PAYLOAD = 1212

/** The packets of data that go out from now on, and how many of them were sent before. */
function watchPackets({ net }: UtpLine): { sent: number; again: number } {
  const seen = new Set<number>()
  const counts = { sent: 0, again: 0 }
  const send = net.port.send.bind(net.port)
  net.port.send = (datagram: Uint8Array, to: Endpoint) => {
    if (datagram.length > 1000) {
      const sequence = ((datagram[16] as number) << 8) | (datagram[17] as number)
      counts.sent++
      if (seen.has(sequence)) counts.again++
      seen.add(sequence).delete((sequence + 0x8000) & 0xffff)
    }
    send(datagram, to)
  }
  return counts
}

describe("a uTP connection whose packets overtake each other", () => {
  it.each([
    { reordering: 0.01, reorderingDelay: 3, latency: 20 },
    { reordering: 0.1, reorderingDelay: 3, latency: 20 },
    { reordering: 0.01, reorderingDelay: 3, latency: 2 },
    { reordering: 0.02, reorderingDelay: 30, latency: 20 },
    { reordering: 0.01, reorderingDelay: 50, latency: 20 },
  ])(
    "fills the line, and sends next to nothing twice: $reordering, $reorderingDelay ms late on $latency ms",
    async (link) => {
      const line = await openLine({ up: 3.2 * MiB, ...link })
      const packets = watchPackets(line)
      expect(await goodput(line, 16 * MiB)).toBeGreaterThan(0.8 * 3.2 * MiB)
      expect(packets.sent).toBeGreaterThan((15 * MiB) / PAYLOAD)
      expect(packets.again).toBeLessThan(0.01 * packets.sent)
    },
  )

  it("still notices a loss within a round trip or two", async () => {
    const line = await openLine({ up: 3.2 * MiB, latency: 20, reordering: 0.01, reorderingDelay: 3 })
    await goodput(line, 8 * MiB)
    losePackets(line.net, (count) => count % 100 === 50 && count < 1000)
    const start = line.simulation.clock.now()
    await goodput(line, Math.round(3.2 * MiB))
    expect(line.simulation.clock.now() - start).toBeLessThan(1400)
  })
})

describe("a uTP connection whose other side was away for longer than a time-out", () => {
  it.each([600, 1200, 2500])("goes on as if nothing had been: %d ms", async (away) => {
    const line = await openLine({ up: 4 * MiB, latency: 40 })
    const { simulation, processes } = line
    await goodput(line, 8 * MiB)
    const packets = watchPackets(line)
    simulation.clock.after(100, () => processes.far.busyFor(away))
    const start = simulation.clock.now()
    await goodput(line, 4 * MiB)
    // The line needs a second for the bytes themselves.
    expect(simulation.clock.now() - start).toBeLessThan(1000 + away + 250)
    expect(packets.again).toBeLessThan(20)
  })
})
