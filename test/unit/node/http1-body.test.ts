import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BodyReader, type Framing, framingOf, keepsConnection } from "../../../src/node/http1-body.js"
import { MalformedAnswer, parseHead } from "../../../src/node/http1-head.js"

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
const head = (...headers: string[]) => parseHead(["HTTP/1.1 200 OK", ...headers].join("\r\n"))

interface Read {
  data: string
  end: "done" | "open" | "malformed"
  /** Bytes that did not belong to the body any more. */
  rest: number
}

function readIn(framing: Framing, pieces: readonly Uint8Array[]): Read {
  const reader = new BodyReader(framing)
  const read: Read = { data: "", end: "open", rest: 0 }
  try {
    for (const piece of pieces) {
      let at = 0
      while (at < piece.length && !reader.done) {
        at = reader.advance(piece, at)
        read.data += String.fromCharCode(...piece.subarray(reader.start, reader.end))
      }
      read.rest += piece.length - at
    }
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error
    return { ...read, end: "malformed" }
  }
  return { ...read, end: reader.done ? "done" : "open" }
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.slice(at[index], end))
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })
const CHUNKED: Framing = { kind: "chunked" }

describe("where a body ends", () => {
  it.each([
    { headers: ["Content-Length: 0"], framing: { kind: "length", length: 0 } },
    { headers: ["Content-Length: 12345678901234"], framing: { kind: "length", length: 12_345_678_901_234 } },
    { headers: ["Content-Length: 5", "Content-Length: 5"], framing: { kind: "length", length: 5 } },
    { headers: ["Transfer-Encoding: Chunked"], framing: CHUNKED },
    { headers: ["Transfer-Encoding: chunked", "Content-Length: 5"], framing: CHUNKED },
    { headers: [], framing: { kind: "until-close" } },
  ])("is as $headers say", ({ headers, framing }) => {
    expect(framingOf(head(...headers))).toEqual(framing)
  })

  it.each([204, 304])("is at once for a %i", (status) => {
    const answer = parseHead(`HTTP/1.1 ${status} x\r\nContent-Length: 5`)
    expect(framingOf(answer)).toEqual({ kind: "length", length: 0 })
  })

  it.each([
    "Content-Length:",
    "Content-Length: -1",
    "Content-Length: +1",
    "Content-Length: 1e3",
    "Content-Length: 0x10",
    "Content-Length: 5 5",
    "Content-Length: 5, 6",
    "Content-Length: 5,",
    "Content-Length: 9007199254740993",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding:",
  ])("can't be told by %j", (header) => {
    expect(() => framingOf(head(header))).toThrow(MalformedAnswer)
  })

  it.each([
    { start: "HTTP/1.1 200", headers: ["Content-Length: 5"], kept: true },
    { start: "HTTP/1.1 200", headers: ["Content-Length: 5", "Connection: x, Close"], kept: false },
    { start: "HTTP/1.0 200", headers: ["Content-Length: 5"], kept: false },
    { start: "HTTP/1.0 200", headers: ["Content-Length: 5", "Connection: Keep-Alive"], kept: true },
    { start: "HTTP/1.1 200", headers: [], kept: false },
    { start: "HTTP/1.1 200", headers: ["Transfer-Encoding: chunked"], kept: true },
    { start: "HTTP/1.1 200", headers: ["Transfer-Encoding: chunked", "Content-Length: 5"], kept: false },
    { start: "HTTP/1.0 200", headers: ["Transfer-Encoding: chunked", "Connection: keep-alive"], kept: false },
  ])("leaves the connection open or not: $start $headers", ({ start, headers, kept }) => {
    const answer = parseHead([start, ...headers].join("\r\n"))
    expect(keepsConnection(answer, framingOf(answer))).toBe(kept)
  })
})

describe("the body of an HTTP/1.1 answer", () => {
  it("of a length is just that many bytes, however they are cut", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(10), places, (length, surplus, at) => {
        const bytes = new Uint8Array(length + surplus).map((_, i) => 65 + (i % 26))
        const read = readIn({ kind: "length", length }, cut(bytes, at))
        expect(read).toEqual({ data: String.fromCharCode(...bytes.subarray(0, length)), end: "done", rest: surplus })
      }),
    )
  })

  it("in chunks is what was put into them, however they are cut", () => {
    const size = (length: number) => fc.constantFrom(length.toString(16), `00${length.toString(16).toUpperCase()}`)
    const chunk = fc
      .string({ unit: "binary-ascii", minLength: 1, maxLength: 40 })
      .chain((data) => fc.tuple(fc.constant(data), size(data.length), fc.constantFrom("", ";a=b", ' ; a="b"', "  ")))
    const trailers = fc.constantFrom("", "Digest: x\r\n", "A: b\r\nC: d\r\n")
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 6 }), trailers, fc.nat(5), places, (chunks, trailer, surplus, at) => {
        const framed = chunks.map(([data, digits, extension]) => `${digits}${extension}\r\n${data}\r\n`).join("")
        const bytes = bytesOf(`${framed}0\r\n${trailer}\r\n${"x".repeat(surplus)}`)
        const data = chunks.map(([content]) => content).join("")
        expect(readIn(CHUNKED, cut(bytes, at))).toEqual({ data, end: "done", rest: surplus })
      }),
    )
  })

  it("in chunks is read or refused in the same way however it is cut, whatever it is", () => {
    const scrap = fc.constantFrom(
      "0",
      "3",
      "a",
      "\r\n",
      "\r",
      "\n",
      ";",
      "abc",
      " ",
      "0\r\n\r\n",
      "3\r\nabc\r\n",
      "x: y",
    )
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 12 }), places, (scraps, at) => {
        const bytes = bytesOf(scraps.join(""))
        const [whole, pieces] = [readIn(CHUNKED, [bytes]), readIn(CHUNKED, cut(bytes, at))]
        expect(pieces).toEqual(whole)
      }),
    )
  })

  it.each([
    { what: "a chunk without size", text: "\r\nabc" },
    { what: "a size with a sign", text: "+3\r\nabc" },
    { what: "a size in other letters", text: "3g\r\nabc" },
    { what: "a size ended by LF alone", text: "3\nabc\r\n" },
    { what: "an extension ended by LF alone", text: "3;a\nabc\r\n" },
    { what: "CR without LF after a size", text: "3\rabc" },
    { what: "a chunk longer than its size", text: "3\r\nabcd\r\n" },
    { what: "a chunk ended by LF alone", text: "3\r\nabc\n0\r\n\r\n" },
    { what: "a trailer ended by LF alone", text: "0\r\na: b\n\r\n" },
    { what: "a size beyond all files", text: "20000000000000\r\n" },
    { what: "a size of many zeros", text: "0".repeat(2000) },
    { what: "an endless extension", text: `3;${"x".repeat(2000)}` },
    { what: "endless trailers", text: `0\r\n${"a: b\r\n".repeat(2000)}` },
  ])("is refused with $what", ({ text }) => {
    expect(readIn(CHUNKED, [bytesOf(text)]).end).toBe("malformed")
  })

  it("until the end of the connection is all that comes", () => {
    const reader = new BodyReader({ kind: "until-close" })
    expect(reader.endsWithConnection).toBe(true)
    expect(reader.advance(bytesOf("abc"), 1)).toBe(3)
    expect([reader.start, reader.end, reader.done]).toEqual([1, 3, false])
  })
})
