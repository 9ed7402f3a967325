import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { goodput, losePackets, openLine, tellNoFurther } from "./lib/utp-line.js"

const MiB = 1024 * 1024
const LINE = { up: 4 * MiB, latency: 40 }

describe("a uTP connection that was at full speed", () => {
  it.each([4, 36, 130])(
    "does not wait for a time-out to send a lost packet again, told of losses by %d bytes",
    async (bytes) => {
      const line = await openLine(LINE)
      tellNoFurther(bytes)
      await goodput(line, 8 * MiB)
      losePackets(line.net, (count) => count === 200)
      // The window is halved: some of the queue in front of the line goes, and the line stays full.
      expect(await goodput(line, 2 * MiB)).toBeGreaterThan(2.6 * MiB)
    },
  )

  it.each([1, 2])("does not wait for a time-out when the packet before the last %d is lost", async (behind) => {
    const line = await openLine(LINE)
    await goodput(line, MiB)
    await line.simulation.run(200)
    losePackets(line.net, (count) => count === 9 - behind)
    const start = line.simulation.clock.now()
    await goodput(line, 10 * 1212)
    // A round trip of 80 ms until it is known, a quarter of one to be sure, and half of one for the packet.
    expect(line.simulation.clock.now() - start).toBeLessThan(180)
  })

  it("is soon there again after a network that was gone for seconds", async () => {
    const line = await openLine(LINE)
    const { simulation } = line
    await goodput(line, 8 * MiB)
    const { host } = simulation.machine("10.0.0.1")
    host.cutOff()
    simulation.clock.after(4000, () => host.comeBack())
    const start = simulation.clock.now()
    await goodput(line, 8 * MiB)
    // It tries after 0.5, 1.5, 3.5 and 7.5 s. Half of the window is quickly found again, and that fills most of the line.
    expect(simulation.clock.now() - start).toBeLessThan(7500 + 8000 / 2.5)
  })

  it("is soon at full speed though nothing came back while it was still slow", async () => {
    const line = await openLine({ up: 3 * MiB, latency: 55 })
    const { simulation, far } = line
    simulation.clock.after(190, () => {
      const end = simulation.clock.now() + 200
      losePackets(far, () => simulation.clock.now() < end)
    })
    const start = simulation.clock.now()
    await goodput(line, 3 * MiB)
    // A second for the bytes, as much until it has tried again, and a round trip of 110 ms for each doubling.
    expect(simulation.clock.now() - start).toBeLessThan(3000)
  })

  it("goes on where answers begin to take a second, and does not send everything twice", async () => {
    const line = await openLine(LINE)
    const { simulation, net, far } = line
    await goodput(line, 8 * MiB)
    const send = far.port.send.bind(far.port)
    far.port.send = (datagram, to) => {
      const copy = datagram.slice()
      simulation.clock.after(1000, () => send(copy, to))
    }
    let sent = 0
    losePackets(net, () => ++sent < 0)
    // The window begins small and grows by 3000 bytes in each round trip.
    expect(await goodput(line, 2 * MiB)).toBeGreaterThan(40_000)
    expect(sent).toBeLessThan((1.1 * 2 * MiB) / 1212)
  })

  it("does not begin anew because its own program was away for a second", async () => {
    const line = await openLine(LINE)
    const { simulation, processes } = line
    await goodput(line, 8 * MiB)
    simulation.clock.after(100, () => processes.near.busyFor(1000))
    const start = simulation.clock.now()
    await goodput(line, 4 * MiB)
    expect(simulation.clock.now() - start).toBeLessThan(1000 + 4000 / 3.5)
  })
})

/** ms that a burst of losses lasts at most. */
const BURST = 200

/** Something happens `at` so many ms after the start: so many packets are lost, or acknowledgements, or a side is away for so many ms. */
const trouble = fc.record({
  at: fc.integer({ min: 0, max: 3000 }),
  kind: fc.constantFrom("packets", "acknowledgements", "sender away", "receiver away"),
  count: fc.integer({ min: 1, max: 300 }),
})
const scene = fc.record({
  up: fc.integer({ min: MiB / 2, max: 8 * MiB }),
  latency: fc.integer({ min: 0, max: 60 }),
  sackBytes: fc.constantFrom(4, 36, 130),
  buffer: fc.constantFrom(64, 1000),
  troubles: fc.array(trouble, { maxLength: 6 }),
})

/** What was measured last was that the receiver was away, and then hundreds are sent again, of which nothing is measured. */
const STALE = {
  up: 4_731_568,
  latency: 1,
  sackBytes: 36 as const,
  buffer: 64 as const,
  troubles: [
    { at: 9, kind: "receiver away" as const, count: 28 },
    { at: 296, kind: "receiver away" as const, count: 231 },
    { at: 1235, kind: "packets" as const, count: 9 },
    { at: 2155, kind: "acknowledgements" as const, count: 31 },
  ],
}

describe("a uTP connection with troubles now and then", () => {
  it("loses a time-out and some round trips by each, and no more", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ up, latency, sackBytes, buffer, troubles }) => {
        const line = await openLine({ up, latency })
        const { simulation, net, far, processes } = line
        tellNoFurther(sackBytes)
        processes.near.buffer = processes.far.buffer = buffer
        for (const { at, kind, count } of troubles) {
          simulation.clock.after(at, () => {
            const end = simulation.clock.now() + BURST
            const isLost = (sent: number): boolean => sent < count && simulation.clock.now() < end
            if (kind === "packets") losePackets(net, isLost)
            else if (kind === "acknowledgements") losePackets(far, isLost)
            else if (kind === "sender away") processes.near.busyFor(count)
            else processes.far.busyFor(count)
          })
        }
        const start = simulation.clock.now()
        await goodput(line, 3 * MiB)
        const took = simulation.clock.now() - start
        const roundTrip = 2 * latency
        expect(took - (3000 * MiB) / up).toBeLessThan((troubles.length + 1) * (1000 + 30 * roundTrip))
      }),
      { numRuns: 40, examples: [[STALE]] },
    )
  })
})
