import { describe, expect, test } from "vitest"
import { IncomingHandshake, type IncomingHandshakeOptions } from "../../../src/peer/incoming-handshake.js"
import type { ByteStream, StreamListener } from "../../../src/ports/net.js"
import { encodeHandshake } from "../../../src/wire/handshake.js"
import { CryptoMethod, skeyHash } from "../../../src/wire/mse.js"
import { Initiator, skey, toolsOf } from "../wire/mse-parties.js"
import { infoHash, ManualClock, MemoryStream, theirId } from "./harness.js"

class Listener implements StreamListener {
  readonly heard: string[] = []
  onOpen(): void {
    this.heard.push("open")
  }
  onData(chunk: Uint8Array): void {
    this.heard.push(`data ${chunk.length > 8 ? chunk.length : chunk.join(" ")}`)
  }
  onDrain(): void {
    this.heard.push("drain")
  }
  onClose(error?: Error): void {
    this.heard.push(`close ${error?.message}`)
  }
}

function accepted(next: StreamListener | undefined, options: Partial<IncomingHandshakeOptions> = {}) {
  const clock = new ManualClock()
  const stream = new MemoryStream()
  const asked: [infoHash: Uint8Array, received: Uint8Array][] = []
  const streams: ByteStream[] = []
  let closed = 0
  const handshake = new IncomingHandshake({
    stream,
    clock,
    plain: true,
    encryption: undefined,
    onInfoHash: (hash, agreed, received) => {
      asked.push([hash, received])
      streams.push(agreed)
      return next
    },
    onClosed: () => {
      closed++
    },
    ...options,
  })
  return { clock, stream, handshake, asked, streams, closed: () => closed }
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

  test("of another protocol is closed at its first bytes, if it may not be encrypted", () => {
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

const known = skeyHash(toolsOf(0), skey)

/** Takes encryption, as many key exchanges as it is told. */
function encryption(options: { exchanges?: number; select?: number } = {}): Partial<IncomingHandshakeOptions> {
  let left = options.exchanges ?? 1
  return {
    encryption: {
      tools: toolsOf(1),
      skeyOf: (hash) => (hash.every((byte, i) => byte === known[i]) ? skey : undefined),
      select: (provided) => provided & (options.select ?? CryptoMethod.rc4),
      mayExchange: () => left-- > 0,
    },
  }
}

describe("an accepted connection that begins encrypted", () => {
  test.each([CryptoMethod.rc4, CryptoMethod.plaintext])("is handed over decrypted (method %i)", (select) => {
    const listener = new Listener()
    const { clock, stream, handshake, asked, streams, closed } = accepted(listener, encryption({ select }))
    const initiator = new Initiator({ payload: Uint8Array.of(1, 2, 3, 4, 5) })
    handshake.onData(initiator.voice.take())
    expect(initiator.handshake.push(stream.take())).toBeUndefined()
    const said = initiator.voice.take()
    // All but the last two bytes of what it says within the handshake.
    handshake.onData(said.slice(0, -2))
    expect(asked).toEqual([[skey, new Uint8Array(0)]])
    expect(clock.timers).toBe(0)
    handshake.onData(said.slice(-2))
    const agreement = initiator.handshake.push(stream.take())!
    handshake.onData(agreement.encrypt?.apply(Uint8Array.of(6, 7)) ?? Uint8Array.of(6, 7))
    expect(listener.heard).toEqual(["data 1 2 3", "data 4 5", "data 6 7"])

    streams[0]!.write(Uint8Array.of(8, 9))
    const answer = stream.take()
    agreement.decrypt.apply(answer.subarray(0, Math.min(answer.length, agreement.encryptedLeft)))
    expect(answer).toEqual(Uint8Array.of(8, 9))
    handshake.onClose()
    expect(closed()).toBe(0)
    expect(listener.heard.at(-1)).toBe("close undefined")
  })

  test("for a torrent nobody has is closed", () => {
    const { stream, handshake, asked, closed } = accepted(new Listener(), encryption())
    const initiator = new Initiator({ skey: new Uint8Array(20) })
    handshake.onData(initiator.voice.take())
    initiator.handshake.push(stream.take())
    handshake.onData(initiator.voice.take())
    expect(stream.destroyed).toBe(true)
    expect(asked).toEqual([])
    expect(closed()).toBe(1)
  })

  test("is closed without an answer when there were too many key exchanges, or none are wanted", () => {
    for (const options of [encryption({ exchanges: 0 }), {}]) {
      const { stream, handshake } = accepted(new Listener(), options)
      handshake.onData(new Initiator().voice.take())
      expect(stream.destroyed).toBe(true)
      expect(stream.written).toEqual([])
    }
  })

  test("costs no key exchange before the whole public key is in, and is closed after ten seconds all the same", () => {
    const { stream, handshake, clock, closed } = accepted(new Listener(), encryption())
    handshake.onData(new Initiator().voice.take(95))
    expect(stream.written).toEqual([])
    clock.advance(10_000)
    expect(stream.destroyed).toBe(true)
    expect(closed()).toBe(1)
  })

  test("is closed when its padding does not end", () => {
    const { stream, handshake, closed } = accepted(new Listener(), encryption())
    handshake.onData(new Initiator().voice.take(96))
    handshake.onData(new Uint8Array(600).fill(1))
    expect(stream.destroyed).toBe(true)
    expect(closed()).toBe(1)
    handshake.onData(new Uint8Array(600).fill(1))
    expect(closed()).toBe(1)
  })
})

test("an accepted connection in plain is closed at its first bytes where encryption is required", () => {
  const { stream, handshake, asked } = accepted(new Listener(), { ...encryption(), plain: false })
  handshake.onData(bytes.subarray(0, 30))
  expect(stream.destroyed).toBe(true)
  expect(asked).toEqual([])
})
