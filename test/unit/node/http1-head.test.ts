import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { HeadReader, MAX_HEAD, MalformedAnswer, parseHead } from "../../../src/node/http1-head.js"

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** What comes of bytes that arrive in such pieces: the head, and how many bytes of body came with it. */
function readIn(pieces: readonly Uint8Array[]): unknown {
  const reader = new HeadReader()
  try {
    for (const [index, piece] of pieces.entries()) {
      const end = reader.read(piece, 0)
      if (reader.head === undefined) continue
      const rest = pieces.slice(index + 1).reduce((sum, { length }) => sum + length, piece.length - end)
      return { ...reader.head, headers: { ...reader.head.headers }, rest }
    }
    return "more to come"
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error
    return "malformed"
  }
}

/** Cuts text at such places (fractions of its length). */
function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = bytesOf(text)
  const at = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.slice(at[index], end))
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })

describe("the head of an HTTP/1.1 answer", () => {
  it("is a status and headers of any case, blanks around values aside", () => {
    const { status, minorVersion, headers } = parseHead(
      'HTTP/1.0 206 Some Part\r\nContent-Type:\t a b \r\nX:\r\nETag:"ü:"',
    )
    expect([status, minorVersion, { ...headers }]).toEqual([206, 0, { "content-type": "a b", x: "", etag: '"ü:"' }])
  })

  it.each(["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 OK"])("needs no reason: %j", (line) => {
    expect(parseHead(line)).toMatchObject({ status: 200, minorVersion: 1 })
  })

  it.each([
    "",
    "HTTP/1.1 20",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 099 OK",
    "HTTP/2 200",
    "HTTP/1.1  200 OK",
    "ICY 200 OK",
    "HTTP/1.1 200 OK\r\nno colon",
    "HTTP/1.1 200 OK\r\n: no name",
    "HTTP/1.1 200 OK\r\nContent-Length : 5",
    "HTTP/1.1 200 OK\r\nA: b\r\n folded: c",
    "HTTP/1.1 200 OK\r\n folded: c",
    "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 5",
    "HTTP/1.1 200 OK\r\nA: b\rContent-Length: 5",
    "HTTP/1.1 200 OK\r\nA: \0",
    "HTTP/1.1 200 OK\r\nA: \x1b[2J",
  ])("is refused when it is %j", (text) => {
    expect(() => parseHead(text)).toThrow(MalformedAnswer)
  })

  it("is the same however it is cut, and is not taken for the body", () => {
    const name = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/)
    const value = fc.stringMatching(/^[!-~]{0,20}$/)
    const interim = fc.constantFrom("", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
    const headers = fc.array(fc.tuple(name, value), { maxLength: 6 })
    fc.assert(
      fc.property(interim, headers, fc.string({ maxLength: 30 }), places, (before, lines, reason, at) => {
        const plainReason = reason.replace(/[^ -~]/g, "")
        const head = `HTTP/1.1 200 ${plainReason}\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join("")}\r\n`
        const whole = readIn([bytesOf(`${before}${head}the body`)])
        expect(whole).toMatchObject({ status: 200, rest: 8 })
        expect(readIn(cut(`${before}${head}the body`, at))).toEqual(whole)
      }),
    )
  })

  it("is read or refused in the same way however it is cut, whatever it is", () => {
    const scrap = fc.constantFrom(
      "HTTP/1.1 200 OK",
      "\r\n",
      "\r",
      "\n",
      ":",
      " ",
      "A",
      "\r\n\r\n",
      "\0",
      "HTTP/1.1 100\r\n\r\n",
    )
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 15 }), places, (scraps, at) => {
        expect(readIn(cut(scraps.join(""), at))).toEqual(readIn([bytesOf(scraps.join(""))]))
      }),
    )
  })

  it("is refused at its first bytes when it is another protocol's", () => {
    for (const text of ["S", "HTTP/2", "\r", "<html>"]) expect(readIn([bytesOf(text)])).toBe("malformed")
    expect(readIn([bytesOf("HTTP")])).toBe("more to come")
  })

  it.each([1, 1000, MAX_HEAD])("is bounded when it comes in pieces of %i bytes", (size) => {
    const endless = new HeadReader()
    const start = bytesOf("HTTP/1.1 200 OK\r\nA: ")
    let read = endless.read(start, 0)
    const piece = new Uint8Array(size).fill(0x61)
    expect(() => {
      while (read < 10 * MAX_HEAD) read += endless.read(piece, 0)
    }).toThrow(MalformedAnswer)
    expect(read).toBeLessThanOrEqual(MAX_HEAD)
  })

  it("is bounded together with all interim answers before it", () => {
    const interim = bytesOf("HTTP/1.1 102 Processing\r\n\r\n")
    const reader = new HeadReader()
    let read = 0
    expect(() => {
      while (read < 10 * MAX_HEAD) read += reader.read(interim, 0)
    }).toThrow(MalformedAnswer)
    expect(read).toBeLessThanOrEqual(MAX_HEAD)
  })

  it("may be as long as the limit", () => {
    const frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n"
    const filled = (length: number) => frame.replace("A: ", `A: ${"x".repeat(length - frame.length)}`)
    expect(readIn([bytesOf(filled(MAX_HEAD))])).toMatchObject({ status: 200 })
    expect(readIn([bytesOf(filled(MAX_HEAD + 1))])).toBe("malformed")
  })
})
