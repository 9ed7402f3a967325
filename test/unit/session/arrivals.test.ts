import { describe, expect, it } from "vitest"
import type { StreamListener } from "../../../src/ports/net.js"
import { Arrivals } from "../../../src/session/arrivals.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { createSimulation } from "../../sim/lib/simulation.js"
import { MemoryStream } from "../peer/harness.js"
import { Initiator, skey } from "../wire/mse-parties.js"

const SECOND = 1000

class Caller extends MemoryStream {
  override readonly remote: { host: string; port: number }

  constructor(host: string) {
    super()
    this.remote = { host, port: 4000 }
  }
}

function stage() {
  const simulation = createSimulation({ seed: 1 })
  const silent: StreamListener = { onOpen() {}, onData() {}, onDrain() {}, onClose() {} }
  let found = 0
  const arrivals = new Arrivals({
    platform: simulation.platform("10.0.0.1"),
    policy: "allow",
    find: () => {
      found++
      return silent
    },
  })
  arrivals.add(skey)
  const call = (host: string) => {
    const stream = new Caller(host)
    return { stream, listener: arrivals.accept(stream) }
  }
  return { simulation, arrivals, call, found: () => found }
}

const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `198.51.${100 + (i >> 8)}.${i & 255}`)

describe("who connects and says nothing", () => {
  it("makes room for others when there are too many, and the longest silent first", () => {
    const { call, found } = stage()
    const crowd = addresses(300).map((host) => call(host).stream)
    expect(crowd.map(({ destroyed }) => destroyed)).toEqual(crowd.map((_, i) => i < 300 - 256))
    const { stream, listener } = call("203.0.113.7")
    listener.onData(encodeHandshake(skey, new Uint8Array(20)))
    expect(found()).toBe(1)
    expect(stream.destroyed).toBe(false)
  })

  it.each([
    ["an address", () => "198.51.100.1"],
    ["a network of IPv6 addresses", (n: number) => `2001:db8:1:2::${n.toString(16)}`],
  ])("has 32 places from %s, and the longest silent makes room", async (_name, hostOf) => {
    const { simulation, call, arrivals, found } = stage()
    const other = call("2001:db8:1:3::1").stream
    const crowd = Array.from({ length: 40 }, (_, n) => call(hostOf(n + 1)).stream)
    expect(crowd.map(({ destroyed }) => destroyed)).toEqual(crowd.map((_, n) => n < 40 - 32))
    expect(other.destroyed).toBe(false)
    const { listener } = call(hostOf(41))
    listener.onData(encodeHandshake(skey, new Uint8Array(20)))
    expect(found()).toBe(1)
    await simulation.run(10 * SECOND)
    expect(crowd.every(({ destroyed }) => destroyed)).toBe(true)
    arrivals.close()
    expect(simulation.clock.pendingTimers).toBe(0)
  })
})

describe("who begins encrypted", () => {
  /** Whether a public key from there is answered. */
  function isAnswered(call: ReturnType<typeof stage>["call"], host: string, seed: number): boolean {
    const { stream, listener } = call(host)
    listener.onData(new Initiator({ seed }).voice.take())
    return stream.written.length > 0
  }

  it("is answered ten times a second and host, and thirty times in all", async () => {
    const { simulation, call } = stage()
    const answers = Array.from({ length: 12 }, (_, seed) => isAnswered(call, "198.51.100.1", seed))
    expect(answers.filter(Boolean)).toHaveLength(10)
    const others = addresses(40)
      .slice(2)
      .map((host, seed) => isAnswered(call, host, seed))
    expect(others.filter(Boolean)).toHaveLength(20)
    await simulation.run(SECOND)
    expect(isAnswered(call, "198.51.100.1", 99)).toBe(true)
  })
})
