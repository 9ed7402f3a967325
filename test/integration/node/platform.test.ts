import { describe, expect, it } from "vitest"
import { nodeClock } from "../../../src/node/clock.js"
import { createLog } from "../../../src/node/log.js"
import { createPlatform } from "../../../src/node/platform.js"
import { NodeRandom } from "../../../src/node/random.js"
import { nodeUdp } from "../../../src/node/udp.js"
import { deferred } from "../../support/deferred.js"

describe("platform on Node", () => {
  it("opens nothing before it is used, and closes", async () => {
    const before = process.getActiveResourcesInfo()
    const platform = createPlatform()
    expect(process.getActiveResourcesInfo()).toEqual(before)
    await platform.close()
    await platform.close()
  })

  it("has timers that never fire early, and can wait longer than Node's", async () => {
    const month = nodeClock.after(31 * 24 * 3600 * 1000, () => expect.unreachable("it fired at once"))
    for (const delay of [0, 0.4, 1, 1.7, 5.5]) {
      const start = nodeClock.now()
      const fired = deferred<number>()
      nodeClock.after(delay, () => fired.resolve(nodeClock.now()))
      expect((await fired.promise) - start).toBeGreaterThanOrEqual(delay)
    }
    month.cancel()
  })

  it("draws numbers below a bound, all of them and none else", () => {
    const random = new NodeRandom()
    const seen = new Set(Array.from({ length: 2000 }, () => random.below(6)))
    expect([...seen].toSorted()).toEqual([0, 1, 2, 3, 4, 5])
    for (let i = 0; i < 100; i++) expect(random.below(1)).toBe(0)
    expect(Math.max(...Array.from({ length: 200 }, () => random.below(2 ** 32)))).toBeGreaterThan(2 ** 31)
    expect(random.bytes(20)).toHaveLength(20)
    expect(random.bytes(20)).not.toEqual(random.bytes(20))
  })

  it("logs from a level on, one line each, whatever strangers put into it", () => {
    const lines: string[] = []
    const log = createLog({ level: "info", write: (line) => void lines.push(line) })
    log.log("debug", "peer", "too much")
    log.log("warn", "peer", "said \u001b[2J\nwarn peer: forged")
    expect(lines).toEqual(["warn peer: said \\u{1b}[2J\\u{a}warn peer: forged\n"])
  })

  it("sends datagrams between sockets of the same port and different families, and ignores what can't be sent", async () => {
    const received = deferred<{ datagram: Uint8Array; host: string; port: number }>()
    const four = await nodeUdp.open({ family: 4, port: 0 }, (datagram, from) => received.resolve({ datagram, ...from }))
    const six = await nodeUdp.open({ family: 6, port: four.port }, () => {}).catch(() => undefined)
    const sender = await nodeUdp.open({ family: 4, port: 0 }, () => {})
    for (const to of [
      { host: "::1", port: four.port },
      { host: "localhost", port: four.port },
      { host: "127.0.0.1", port: 0 },
      { host: "127.0.0.1", port: 65536 },
    ]) {
      sender.send(Uint8Array.of(1), to)
    }
    sender.send(new Uint8Array(70_000), { host: "127.0.0.1", port: four.port })
    sender.send(Uint8Array.of(2), { host: "127.0.0.1", port: four.port })
    expect(await received.promise).toEqual({ datagram: Uint8Array.of(2), host: "127.0.0.1", port: sender.port })
    await Promise.all([four.close(), six?.close(), sender.close()])
    sender.send(Uint8Array.of(3), { host: "127.0.0.1", port: four.port })
    await sender.close()
  })
})
