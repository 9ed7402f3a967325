import { describe, expect, it } from "vitest"
import type { ByteStream, Endpoint, Net, StreamListener, UtpWish } from "../../../src/ports/net.js"
import { Dialer } from "../../../src/session/dialer.js"
import { Recorder } from "../../compliance/net-recorder.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"

const PLACE: Endpoint = { host: "10.0.0.2", port: 6881 }

/** A stream whose other side the test plays. */
class Attempt implements ByteStream {
  readonly remote = PLACE
  readonly bufferedBytes = 0
  readonly written: number[] = []
  readonly way: "tcp" | "utp"
  readonly listener: StreamListener
  destroyed = false
  paused = false

  constructor(way: "tcp" | "utp", listener: StreamListener) {
    this.way = way
    this.listener = listener
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    this.written.push(...chunk)
    onTaken?.()
    return true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  destroy(): void {
    this.destroyed = true
    this.listener.onClose()
  }
}

function setUp(hasUtp = true) {
  const clock = new VirtualClock()
  const attempts: Attempt[] = []
  const connect = (way: "tcp" | "utp") => (_remote: Endpoint, listener: StreamListener) => {
    const attempt = new Attempt(way, listener)
    attempts.push(attempt)
    return attempt
  }
  const net: Net = { connect: connect("tcp"), listen: () => Promise.reject(new Error()), resolve: async () => [] }
  const dialer = new Dialer({ net, clock, utp: async () => (hasUtp ? connect("utp") : undefined) })
  const dial = (utp?: UtpWish) => {
    const heard = new Recorder()
    heard.stream = dialer.connect(PLACE, heard, utp)
    return heard
  }
  return { clock, attempts, dial, ways: () => attempts.map(({ way }) => way) }
}

describe("the dialer", () => {
  it("uses TCP alone where it works", async () => {
    const { clock, attempts, dial, ways } = setUp()
    const heard = dial()
    heard.stream!.write(new Uint8Array([1, 2]))
    heard.stream!.pause()
    await clock.run(2000)
    attempts[0]!.listener.onOpen()
    expect([attempts[0]!.written, attempts[0]!.paused]).toEqual([[1, 2], true])
    await clock.run(10_000)
    attempts[0]!.listener.onData(new Uint8Array(5))
    attempts[0]!.listener.onClose()
    expect(heard.events).toEqual(["open", "data", "close"])
    expect(ways()).toEqual(["tcp"])
  })

  it("tries uTP soon, or alone, when it is asked to", async () => {
    const soon = setUp()
    soon.dial("soon")
    await soon.clock.run(499)
    expect(soon.ways()).toEqual(["tcp"])
    await soon.clock.run(2)
    expect(soon.ways()).toEqual(["tcp", "utp"])

    const alone = setUp()
    const heard = alone.dial("alone")
    await alone.clock.run(5000)
    expect(alone.ways()).toEqual(["utp"])
    alone.attempts[0]!.listener.onClose(new Error("nobody"))
    expect(heard.events).toEqual(["close"])
    const without = setUp(false)
    const nothing = without.dial("alone")
    await without.clock.run(1)
    expect([without.ways(), nothing.events]).toEqual([[], ["close"]])
  })

  it("tries uTP when TCP fails, and says TCP's failure when both do", async () => {
    const { clock, attempts, dial, ways } = setUp()
    const heard = dial()
    attempts[0]!.listener.onClose(new Error("refused"))
    await clock.run(1)
    expect([ways(), heard.events]).toEqual([["tcp", "utp"], []])
    attempts[1]!.listener.onClose(new Error("no answer"))
    expect(heard.closed?.error?.message).toBe("refused")
    await clock.run(10_000)
    expect(heard.events).toEqual(["close"])
    expect(clock.pendingTimers).toBe(0)
  })

  it("tries uTP besides a TCP that takes long, and keeps the first that stands", async () => {
    for (const winner of [0, 1]) {
      const { clock, attempts, dial } = setUp()
      const heard = dial()
      await clock.run(3000)
      expect(attempts).toHaveLength(2)
      attempts[winner]!.listener.onOpen()
      expect(attempts.map(({ destroyed }) => destroyed)).toEqual([winner === 1, winner === 0])
      heard.stream!.destroy()
      expect(heard.events).toEqual(["open", "close"])
    }
  })

  it("fails as TCP does where there is no uTP", async () => {
    const { clock, attempts, dial } = setUp(false)
    const heard = dial()
    attempts[0]!.listener.onClose(new Error("refused"))
    await clock.run(1)
    expect(heard.closed?.error?.message).toBe("refused")
  })

  it("gives up both when it is destroyed, and says so once", async () => {
    const { clock, attempts, dial } = setUp()
    const heard = dial()
    await clock.run(3000)
    heard.inside++
    heard.stream!.destroy()
    heard.stream!.destroy()
    heard.inside--
    await clock.run(1)
    expect(attempts.every(({ destroyed }) => destroyed)).toBe(true)
    expect(heard.events).toEqual(["close"])
    expect(clock.pendingTimers).toBe(0)
  })

  it("begins by uTP where TCP stood twice and brought nothing, until TCP brings something", async () => {
    const { clock, attempts, dial, ways } = setUp()
    for (let i = 0; i < 2; i++) {
      dial()
      attempts.at(-1)!.listener.onOpen()
      attempts.at(-1)!.listener.onClose()
    }
    dial()
    await clock.run(1)
    expect(ways()).toEqual(["tcp", "tcp", "utp"])
    attempts.at(-1)!.listener.onClose(new Error("no answer"))
    expect(ways()).toEqual(["tcp", "tcp", "utp", "tcp"])
    attempts.at(-1)!.listener.onOpen()
    attempts.at(-1)!.listener.onData(new Uint8Array(1))
    attempts.at(-1)!.listener.onClose()
    dial()
    await clock.run(1)
    expect(ways()).toEqual(["tcp", "tcp", "utp", "tcp", "tcp"])
  })

  it("begins by uTP where uTP got through the last time", async () => {
    const { clock, attempts, dial, ways } = setUp()
    dial()
    attempts[0]!.listener.onClose(new Error("refused"))
    await clock.run(1)
    attempts[1]!.listener.onOpen()
    attempts[1]!.listener.onData(new Uint8Array(1))
    dial()
    await clock.run(1)
    expect(ways()).toEqual(["tcp", "utp", "utp"])
  })
})
