import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AnswerReader } from "../../../src/node/http1-answer.js"

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** A reader whose listener writes down what it hears, and may do something then. */
function listen(onEvent: (reader: AnswerReader) => void = () => {}): { reader: AnswerReader; heard: string[] } {
  const heard: string[] = []
  const reader: AnswerReader = new AnswerReader({
    onHead: (status) => {
      heard.push(String(status))
      onEvent(reader)
    },
    onData: (chunk) => {
      heard.push(String.fromCharCode(...chunk))
      onEvent(reader)
    },
  })
  return { reader, heard }
}

const ANSWERS = {
  "of a length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
  "in chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n012\r\n7\r\n3456789\r\n0\r\n\r\n",
  "until the end": "HTTP/1.1 200 OK\r\n\r\n0123456789",
}

describe("an HTTP/1.1 answer", () => {
  it.each(Object.entries(ANSWERS))("%s is the same however it is cut and paused", (kind, text) => {
    const step = fc.record({ bytes: fc.integer({ min: 1, max: 30 }), pause: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), fc.array(fc.boolean(), { minLength: 1 }), (steps, pauses) => {
        let events = 0
        const { reader, heard } = listen(() => {
          expect(reader.paused).toBe(false)
          if (pauses[events++ % pauses.length]) reader.pause()
        })
        const receiveBuffer = new Uint8Array(30)
        const bytes = bytesOf(text)
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const { bytes: length, pause } = steps[i % steps.length]!
          const piece = bytes.subarray(at, at + length)
          receiveBuffer.set(piece)
          reader.read(receiveBuffer.subarray(0, piece.length))
          receiveBuffer.fill(0x58)
          at += piece.length
          if (!pause) reader.resume()
        }
        reader.end()
        for (let i = 0; i < 30; i++) reader.resume()
        expect([heard[0], heard.slice(1).join("")]).toEqual(["200", "0123456789"])
        const rest = new Uint8Array(0)
        expect(reader.state).toEqual({ kind: "complete", keepsConnection: kind !== "until the end", rest })
      }),
    )
  })

  it("hands data on in the buffer it came in", () => {
    const seen: Uint8Array[] = []
    const reader = new AnswerReader({ onHead: () => {}, onData: (chunk) => seen.push(chunk) })
    const first = bytesOf(ANSWERS["of a length"])
    reader.read(first.subarray(0, -5))
    const second = first.subarray(-5)
    reader.read(second)
    expect(seen[0]?.buffer).toBe(first.buffer)
    expect(seen[1]).toBe(second)
  })

  it("says nothing after a pause in the middle of what came, and does not end either", () => {
    const { reader, heard } = listen((one) => one.pause())
    reader.read(bytesOf(ANSWERS["in chunks"]))
    expect(heard).toEqual(["200"])
    reader.resume()
    expect(heard).toEqual(["200", "012"])
    reader.resume()
    expect([heard, reader.state.kind]).toEqual([["200", "012", "3456789"], "open"])
    reader.resume()
    expect(reader.state.kind).toBe("complete")
  })

  it("leaves what came behind it to the next one", () => {
    const { reader, heard } = listen()
    reader.read(bytesOf(`${ANSWERS["of a length"]}HTTP/1.1 200 OK\r\n`))
    expect(heard).toEqual(["200", "0123456789"])
    expect(reader.state).toEqual({ kind: "complete", keepsConnection: true, rest: bytesOf("HTTP/1.1 200 OK\r\n") })
  })

  it("is cut when the connection ends before it", () => {
    for (const text of ["", "HTTP/1.1 200", ANSWERS["of a length"].slice(0, -1), ANSWERS["in chunks"].slice(0, -1)]) {
      const { reader } = listen()
      if (text !== "") reader.read(bytesOf(text))
      reader.end()
      expect([reader.state.kind, reader.started]).toEqual(["cut", text !== ""])
    }
  })

  it("is malformed from where it is, and nothing is said about it afterwards", () => {
    const { reader, heard } = listen()
    reader.read(bytesOf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno number\r\n"))
    reader.read(bytesOf("3\r\nabc\r\n"))
    expect([heard, reader.state.kind]).toEqual([["200", "abc"], "malformed"])
  })

  it("is silent once abandoned", () => {
    const { reader, heard } = listen((one) => one.abandon())
    reader.read(bytesOf(ANSWERS["in chunks"]))
    reader.resume()
    reader.end()
    expect([heard, reader.state.kind]).toEqual([["200"], "abandoned"])
  })

  it("lets its listener's own errors through", () => {
    const { reader } = listen(() => {
      throw new Error("the listener's")
    })
    expect(() => reader.read(bytesOf(ANSWERS["of a length"]))).toThrow("the listener's")
  })
})
