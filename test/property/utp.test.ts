import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeBare, UTP_HEADER, UTP_TYPE, UtpPacket } from "../../src/utp/packet.js"
import { seq, seqDistance } from "../../src/utp/wrapping.js"
import { Recorder } from "../compliance/net-recorder.js"
import { SimRandom } from "../sim/lib/sim-random.js"
import { createSimulation } from "../sim/lib/simulation.js"
import { UtpNet } from "../sim/lib/utp-net.js"
import { fingerprint } from "../support/bytes.js"

const word = (bits: number) => fc.nat({ max: 2 ** bits - 1 })
const fixedFields = fc.record({
  type: fc.constantFrom(...Object.values(UTP_TYPE)),
  connectionId: word(16),
  sequence: word(16),
})
const currentFields = fc.record({ timestamp: word(32), timestampDifference: word(32), window: word(32), ack: word(16) })
const sacks = fc.uint8Array({ maxLength: 255 })

describe("uTP packets", () => {
  it("come back as they went", () => {
    fc.assert(
      fc.property(fixedFields, currentFields, sacks, (fixed, current, sack) => {
        const packet = new UtpPacket()
        expect(packet.read(encodeBare(fixed, current, sack))).toBe(true)
        expect(packet).toMatchObject({ ...fixed, ...current, sackLength: sack.length, payloadLength: 0 })
        for (let bit = 0; bit < sack.length * 8; bit++) {
          expect(packet.sacked(bit)).toBe(((sack[bit >> 3]! >> (bit & 7)) & 1) === 1)
        }
      }),
    )
  })

  it("are refused or understood, never more, whatever comes", () => {
    const lie = fc.record({ at: fc.nat({ max: 60 }), byte: word(8) })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(lie, { maxLength: 4 }), (bytes, lies) => {
        bytes[0] = 0x01 | ((bytes[0] ?? 0) & 0x70)
        for (const { at, byte } of lies) if (at < bytes.length) bytes[at] = byte
        const packet = new UtpPacket()
        if (!packet.read(bytes)) return
        expect(packet.payloadAt).toBeGreaterThanOrEqual(UTP_HEADER)
        expect(packet.payloadLength).toBeGreaterThanOrEqual(0)
        expect(packet.sackAt + packet.sackLength).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 1000 },
    )
  })

  it("are refused when extensions make them long", () => {
    const packet = new UtpPacket()
    for (const [count, fits] of [
      [1, true],
      [200, false],
    ] as const) {
      const chain = Array.from({ length: count }, (_, i) => [
        i === count - 1 ? 0 : 9,
        255,
        ...new Array<number>(255).fill(0),
      ])
      const head = new Uint8Array(UTP_HEADER)
      head[0] = 1
      head[1] = 9
      expect(packet.read(Uint8Array.from([...head, ...chain.flat(), 1]))).toBe(fits)
    }
  })

  it("are numbered around the end of the numbers", () => {
    fc.assert(
      fc.property(word(16), fc.integer({ min: -32768, max: 32767 }), (from, distance) => {
        expect(seqDistance(from, seq(from + distance))).toBe(distance)
      }),
    )
  })
})

const link = fc.record({
  loss: fc.double({ min: 0, max: 0.15, noNaN: true }),
  duplication: fc.double({ min: 0, max: 0.1, noNaN: true }),
  reordering: fc.double({ min: 0, max: 0.3, noNaN: true }),
  reorderingDelay: fc.integer({ min: 1, max: 200 }),
  latency: fc.integer({ min: 0, max: 150 }),
  jitter: fc.integer({ min: 0, max: 50 }),
  up: fc.integer({ min: 20_000, max: 5_000_000 }),
  down: fc.integer({ min: 20_000, max: 5_000_000 }),
})

describe("a uTP connection over a bad line", () => {
  it("brings what was sent, both ways, through pauses, and then the end", async () => {
    await fc.assert(
      fc.asyncProperty(link, link, fc.nat(), async (here, there, seed) => {
        const simulation = createSimulation({ seed })
        const random = new SimRandom(seed)
        const [a, b] = [simulation.platform("10.0.0.1", here), simulation.platform("10.0.0.2", there)]
        const net = await simulation.runUntil(new UtpNet(a).open())
        const far = await simulation.runUntil(new UtpNet(b).open(7000))
        const [client, server] = [new Recorder(), new Recorder()]
        far.socket.listen((stream) => {
          server.stream = stream
          return server
        })
        const [up, down] = [random.bytes(1 + random.below(60_000)), random.bytes(random.below(60_000))]
        const connect = (): void => {
          client.stream = net.connect({ host: "10.0.0.2", port: 7000 }, client)
        }
        connect()
        // Without a connection there is nothing to promise: three SYNs may be lost.
        await simulation.runUntil(() => client.events.length > 0)
        if (client.closed !== undefined) return
        const write = (recorder: Recorder, data: Uint8Array): void => {
          for (let at = 0; at < data.length; ) {
            const length = 1 + random.below(9000)
            recorder.stream!.write(data.slice(at, at + length))
            at += length
          }
        }
        for (const [recorder, machine] of [
          [client, a],
          [server, b],
        ] as const) {
          recorder.react = () => {
            if (!random.chance(0.02)) return
            recorder.stream!.pause()
            machine.clock.after(random.below(2000), () => recorder.stream!.resume())
          }
        }
        write(client, up)
        await simulation.runUntil(() => server.stream !== undefined || client.closed !== undefined)
        if (server.stream === undefined) return
        write(server, down)
        const arrived = () => server.length >= up.length && client.length >= down.length
        await simulation.runUntil(
          () => arrived() || client.closed !== undefined || server.closed !== undefined,
          3_600_000,
        )
        // With one packet in four lost, six time-outs in a row are rare, not impossible.
        if (!arrived()) {
          expect(fingerprint(server.bytes)).toBe(fingerprint(up.subarray(0, server.length)))
          return
        }
        expect(fingerprint(server.bytes)).toBe(fingerprint(up))
        expect(fingerprint(client.bytes)).toBe(fingerprint(down))
        client.stream!.destroy()
        await simulation.runUntil(() => client.closed !== undefined && server.closed !== undefined, 600_000)
        await simulation.runUntil(() => net.socket.connectionCount + far.socket.connectionCount === 0, 600_000)
        await simulation.run(2000)
        expect(simulation.clock.pendingTimers).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
})
