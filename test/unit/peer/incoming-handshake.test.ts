import { describe, expect, test } from "vitest"
import { IncomingHandshake } from "../../../src/peer/incoming-handshake.js"
import type { StreamListener } from "../../../src/ports/net.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { infoHash, ManualClock, MemoryStream, theirId } from "./harness.js"

class Listener implements StreamListener {
  readonly heard: string[] = []
  onOpen(): void {
    this.heard.push("open")
  }
  onData(chunk: Uint8Array): void {
    this.heard.push(`data ${chunk.length}`)
  }
  onDrain(): void {
    this.heard.push("drain")
  }
  onClose(error?: Error): void {
    this.heard.push(`close ${error?.message}`)
  }
}

function accepted(next: StreamListener | undefined) {
  const clock = new ManualClock()
  const stream = new MemoryStream()
  const asked: [infoHash: Uint8Array, received: Uint8Array][] = []
  let closed = 0
  const handshake = new IncomingHandshake({
    stream,
    clock,
    onInfoHash: (hash, received) => {
      asked.push([hash, received])
      return next
    },
    onClosed: () => {
      closed++
    },
  })
  return { clock, stream, handshake, asked, closed: () => closed }
}

const bytes = encodeHandshake(infoHash, theirId)

describe("an accepted connection", () => {
  test("is handed over as soon as its infohash is in, with what has come, and passes on all that follows", () => {
    const listener = new Listener()
    const { clock, handshake, asked, stream, closed } = accepted(listener)
    handshake.onData(bytes.subarray(0, 30))
    const chunk = bytes.slice(30, 50)
    handshake.onData(chunk)
    chunk.fill(0)
    expect(asked).toEqual([[infoHash, bytes.subarray(0, 50)]])
    handshake.onData(bytes.subarray(50))
    handshake.onDrain()
    handshake.onClose(new Error("reset"))
    expect(listener.heard).toEqual(["data 18", "drain", "close reset"])
    expect(clock.timers).toBe(0)
    expect(closed()).toBe(0)
    expect(stream.destroyed).toBe(false)
  })

  test("for a torrent nobody has is closed", () => {
    const { handshake, stream } = accepted(undefined)
    handshake.onData(bytes)
    expect(stream.destroyed).toBe(true)
  })

  test("of another protocol is closed at its first bytes", () => {
    const { handshake, stream, asked, closed } = accepted(new Listener())
    handshake.onData(new TextEncoder().encode("GET /"))
    handshake.onData(bytes)
    expect(stream.destroyed).toBe(true)
    expect(asked).toEqual([])
    expect(closed()).toBe(1)
  })

  test("is closed when its infohash does not come within ten seconds", () => {
    const { handshake, stream, clock, closed } = accepted(new Listener())
    handshake.onData(bytes.subarray(0, 47))
    clock.advance(9_999)
    expect(stream.destroyed).toBe(false)
    clock.advance(1)
    expect(stream.destroyed).toBe(true)
    expect(closed()).toBe(1)
    handshake.onClose()
    expect(closed()).toBe(1)
  })

  test("that goes away by itself leaves no timer", () => {
    const { handshake, clock, closed } = accepted(new Listener())
    handshake.onClose()
    expect(clock.timers).toBe(0)
    expect(closed()).toBe(1)
  })
})
