import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../../src/errors.js"
import { connectEncrypted } from "../../../src/peer/outgoing-encryption.js"
import type { ByteStream, Net, StreamListener } from "../../../src/ports/net.js"
import { CryptoMethod } from "../../../src/wire/mse.js"
import { BOTH, Responder, skey, toolsOf } from "../wire/mse-parties.js"
import { MemoryStream } from "./harness.js"

/** A listener that notes what it hears, and says something when the stream opens. */
class Listener implements StreamListener {
  readonly heard: string[] = []
  stream: ByteStream | undefined
  taken = 0
  onOpen(): void {
    this.heard.push("open")
    this.stream?.write(Uint8Array.of(1, 2, 3), () => this.taken++)
    this.stream?.write(Uint8Array.of(4), () => this.taken++)
  }
  onData(chunk: Uint8Array): void {
    this.heard.push(`data ${chunk.join(" ")}`)
  }
  onDrain(): void {
    this.heard.push("drain")
  }
  onClose(error?: Error): void {
    this.heard.push(`close ${error?.message}`)
  }
}

function connect(provide = BOTH) {
  const below = new MemoryStream()
  const listener = new Listener()
  let events: StreamListener | undefined
  const net: Net = {
    connect: (_remote, hears) => {
      events = hears
      return below
    },
    listen: () => Promise.reject(new Error("not here")),
    resolve: () => Promise.reject(new Error("not here")),
  }
  const stream = connectEncrypted(net, below.remote, listener, { tools: toolsOf(1), skey, provide })
  listener.stream = stream
  return { below, listener, stream, events: events! }
}

describe("a connection that we encrypt", () => {
  test.each([CryptoMethod.rc4, CryptoMethod.plaintext])(
    "carries what is said, from the start (method %i)",
    (method) => {
      const { below, listener, stream, events } = connect()
      const responder = new Responder({ select: (provided) => provided & method })
      events.onOpen()
      expect(listener.heard).toEqual(["open"])
      expect(stream.bufferedBytes).toBeGreaterThanOrEqual(4 + 96)
      responder.handshake.push(below.take())
      events.onData(responder.voice.take())
      const agreement = responder.handshake.push(below.take())!
      // The first write is in the handshake, the second waits for the answer.
      expect(agreement.rest).toHaveLength(3)
      expect(agreement.decrypt.apply(agreement.rest.slice())).toEqual(Uint8Array.of(1, 2, 3))
      expect(listener.taken).toBe(1)
      const behind = Uint8Array.of(9, 9)
      events.onData(Buffer.concat([responder.voice.take(), agreement.encrypt?.apply(behind) ?? behind]))
      expect(listener.heard).toEqual(["open", "data 9 9"])

      const lent = Uint8Array.of(5, 6)
      stream.write(lent)
      expect(lent).toEqual(Uint8Array.of(5, 6))
      const sent = below.take()
      expect(method === CryptoMethod.rc4 ? agreement.decrypt.apply(sent) : sent).toEqual(Uint8Array.of(4, 5, 6))
      expect(listener.taken).toBe(2)
      events.onClose(new Error("reset"))
      expect(listener.heard).toEqual(["open", "data 9 9", "close reset"])
    },
  )

  test("passes blocks on as they are, from the memory they lie in, where plaintext was agreed on", () => {
    const { below, stream, events } = connect()
    const responder = new Responder({ select: () => CryptoMethod.plaintext })
    events.onOpen()
    responder.handshake.push(below.take())
    events.onData(responder.voice.take())
    responder.handshake.push(below.take())
    events.onData(responder.voice.take())
    below.take()
    const lent = new Uint8Array(16384)
    stream.write(lent)
    expect(below.written[0]).toBe(lent)
  })

  test("ends with the reason when the other side does not speak this; nothing is heard of what it says", () => {
    const { below, listener, stream, events } = connect()
    events.onOpen()
    events.onData(new Uint8Array(1000).fill(3))
    expect(below.destroyed).toBe(true)
    expect(listener.taken).toBe(2)
    events.onData(new Uint8Array(1000).fill(3))
    stream.write(Uint8Array.of(1), () => listener.taken++)
    expect(listener.taken).toBe(3)
    events.onClose()
    expect(listener.heard).toEqual([
      "open",
      `close ${new ProtocolError("the padding of its encrypted handshake does not end").message}`,
    ])
  })

  test("that was never open is like any other", () => {
    const { below, listener, events } = connect()
    expect(below.written).toEqual([])
    events.onClose(new Error("refused"))
    expect(listener.heard).toEqual(["close refused"])
  })

  test("uses memory again when it was sent, and not before", () => {
    const { below, stream, events } = connect(CryptoMethod.rc4)
    const responder = new Responder()
    events.onOpen()
    responder.handshake.push(below.take())
    events.onData(responder.voice.take())
    const agreement = responder.handshake.push(below.take())!
    agreement.decrypt.apply(agreement.rest)
    events.onData(responder.voice.take())
    expect(agreement.decrypt.apply(below.take())).toEqual(Uint8Array.of(4))

    const buffers = new Set<ArrayBufferLike>()
    for (let round = 0; round < 50; round++) {
      const blocks = Array.from({ length: 10 }, (_, i) => new Uint8Array(16384 + i).fill(round + i))
      for (const block of blocks) stream.write(block)
      for (const { buffer } of below.written) buffers.add(buffer)
      const sent = agreement.decrypt.apply(below.take())
      expect(Buffer.compare(sent, Buffer.concat(blocks))).toBe(0)
    }
    expect(buffers.size).toBeLessThan(10)
  })
})
