import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatIp } from "../../src/bytes/ip.js"
import { decodeUtf8Lenient, encodeUtf8 } from "../../src/bytes/text.js"
import { ConnectHandshake } from "../../src/node/http-connect.js"
import type { Handshake, HandshakeStep } from "../../src/proxy/handshake.js"
import { Socks5Handshake } from "../../src/proxy/socks5.js"
import { decodeDatagram, encodeDatagram } from "../../src/proxy/socks5-datagram.js"
import { anyText } from "../support/any-text.js"
import { concat } from "../support/bytes.js"

const port = fc.integer({ min: 1, max: 65535 })
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,40}(\.[a-z]{1,10}){1,3}$/)
const ip = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => formatIp(bytes))
const host = fc.oneof(name, ip)
const word = anyText({ minLength: 1, maxLength: 60 }).filter((text) => encodeUtf8(text).length <= 255)
const credentials = fc.option(fc.record({ user: word, password: word }), { nil: undefined })
/** Where a stream is cut into the chunks that arrive. */
const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 })

/** A proxy that goes by RFC 1928 and 1929, written from its side: what it heard, and what it says next. */
class RfcProxy {
  readonly heard: { host?: string; port?: number; user?: string; password?: string } = {}
  readonly #wants: boolean
  readonly #reply: Uint8Array
  #turn = 0

  constructor(wantsLogin: boolean, reply: Uint8Array) {
    this.#wants = wantsLogin
    this.#reply = reply
  }

  answer(said: Uint8Array): Uint8Array {
    this.#turn++
    if (this.#turn === 1) {
      expect(said[0]).toBe(5)
      expect(said).toHaveLength(2 + said[1]!)
      const method = this.#wants ? 2 : 0
      return Uint8Array.of(5, said.subarray(2).includes(method) ? method : 0xff)
    }
    if (this.#turn === 2 && this.#wants) {
      expect(said[0]).toBe(1)
      const at = 2 + said[1]!
      this.heard.user = decodeUtf8Lenient(said.subarray(2, at))
      this.heard.password = decodeUtf8Lenient(said.subarray(at + 1))
      expect(said).toHaveLength(at + 1 + said[at]!)
      return Uint8Array.of(1, 0)
    }
    expect([...said.subarray(0, 3)]).toEqual([5, 1, 0])
    const place = said.subarray(4, -2)
    this.heard.host = said[3] === 3 ? decodeUtf8Lenient(place.subarray(1)) : formatIp(place)
    if (said[3] === 3) expect(place[0]).toBe(place.length - 1)
    this.heard.port = (said.at(-2)! << 8) | said.at(-1)!
    return this.#reply
  }
}

/** Hands over bytes cut into chunks; the step that ended it, and how many bytes of all were left. */
function feed(handshake: Handshake, bytes: Uint8Array, at: readonly number[]): { last: HandshakeStep; rest: number } {
  const edges = [...new Set([0, ...at.map((cut) => Math.min(cut, bytes.length)), bytes.length])].sort((a, b) => a - b)
  let last: HandshakeStep = { kind: "more" }
  for (let i = 0; i + 1 < edges.length; i++) {
    const chunk = bytes.subarray(edges[i], edges[i + 1])
    last = handshake.read(chunk)
    if (last.kind === "open") return { last, rest: bytes.length - edges[i]! - last.end }
    if (last.kind === "refused" || last.send !== undefined) return { last, rest: bytes.length - edges[i + 1]! }
  }
  return { last, rest: 0 }
}

const boundAddress = fc.oneof(
  fc.uint8Array({ minLength: 6, maxLength: 6 }).map((tail) => Uint8Array.of(5, 0, 0, 1, ...tail)),
  fc.uint8Array({ minLength: 18, maxLength: 18 }).map((tail) => Uint8Array.of(5, 0, 0, 4, ...tail)),
  fc.uint8Array({ minLength: 2, maxLength: 257 }).map((tail) => Uint8Array.of(5, 0, 0, 3, tail.length - 2, ...tail)),
)

describe("SOCKS5", () => {
  it("says to a proxy where to go and who we are, however its answers are cut, and takes not a byte more", () => {
    fc.assert(
      fc.property(host, port, credentials, boundAddress, fc.uint8Array({ maxLength: 300 }), cuts, (...drawn) => {
        const [host, port, login, reply, payload, at] = drawn
        const handshake = new Socks5Handshake({ host, port }, login)
        const proxy = new RfcProxy(login !== undefined, concat([reply, payload]))
        let said = handshake.opening
        for (;;) {
          const { last, rest } = feed(handshake, proxy.answer(said), at)
          if (last.kind === "open") {
            // What comes in chunks of its own after that one is the socket's.
            expect(rest).toBe(payload.length)
            break
          }
          if (last.kind !== "more") throw new Error(last.reason)
          said = last.send!
        }
        expect(proxy.heard).toEqual({ host, port, ...login })
      }),
      // A byte order mark is a character like others.
      {
        examples: [
          [
            "a.example",
            1,
            { user: "\ufeffx", password: "\ufeff" },
            Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0),
            new Uint8Array(),
            [],
          ],
        ],
      },
    )
  })

  it("ends on any bytes, without an error of its own", () => {
    fc.assert(
      fc.property(host, credentials, fc.array(fc.uint8Array({ maxLength: 300 })), (host, login, chunks) => {
        const handshake = new Socks5Handshake({ host, port: 1 }, login)
        for (const chunk of chunks) if (handshake.read(chunk).kind !== "more") return
      }),
    )
  })

  it("says why there is no way", () => {
    const reasons = (...answers: number[][]) => {
      const handshake = new Socks5Handshake({ host: "a.example", port: 1 })
      return answers.map((answer) => handshake.read(Uint8Array.from(answer))).at(-1)
    }
    expect(reasons([5, 0xff])).toEqual({ kind: "refused", reason: "wants a user and a password", lasting: "login" })
    expect(reasons([0x48, 0x54])).toEqual({ kind: "refused", reason: "does not speak SOCKS5" })
    expect(reasons([5, 0], [5, 2, 0, 1])).toEqual({ kind: "refused", reason: "does not allow it", lasting: "place" })
    expect(reasons([5, 0], [5, 5, 0, 1])).toEqual({ kind: "refused", reason: "was refused there" })
    expect(reasons([5, 0], [5, 77, 0, 1])).toEqual({ kind: "refused", reason: "failed with the code 77" })
    expect(reasons([5, 0, 5])).toEqual({ kind: "refused", reason: "says more than it was asked" })
    expect(() => new Socks5Handshake({ host: "a".repeat(256), port: 1 })).toThrow("the host's name")
  })
})

describe("SOCKS5 datagrams", () => {
  it("asks for a relay, and learns where it is", () => {
    fc.assert(
      fc.property(ip, port, cuts, (host, port, at) => {
        const handshake = new Socks5Handshake(undefined)
        expect(handshake.bound).toBeUndefined()
        expect(handshake.read(Uint8Array.of(5, 0))).toEqual({
          kind: "more",
          send: Uint8Array.of(5, 3, 0, 1, 0, 0, 0, 0, 0, 0),
          loggedIn: true,
        })
        const place = encodeDatagram({ host, port }, new Uint8Array(0)).subarray(3)
        expect(feed(handshake, concat([Uint8Array.of(5, 0, 0), place]), at).last.kind).toBe("open")
        expect(handshake.bound).toEqual({ host, port })
      }),
    )
  })

  it("carry a place, an address or a name, and any bytes", () => {
    fc.assert(
      fc.property(host, port, fc.uint8Array({ maxLength: 2000 }), (host, port, payload) => {
        expect(decodeDatagram(encodeDatagram({ host, port }, payload))).toEqual({ from: { host, port }, payload })
      }),
    )
    const datagram = encodeDatagram({ host: "203.0.113.1", port: 0x1234 }, Uint8Array.of(7))
    expect([...datagram]).toEqual([0, 0, 0, 1, 203, 0, 113, 1, 0x12, 0x34, 7])
    const marked = { host: "\ufeffa.example", port: 1 }
    expect(decodeDatagram(encodeDatagram(marked, datagram))?.from).toEqual(marked)
    expect(() => encodeDatagram({ host: "a".repeat(256), port: 1 }, datagram)).toThrow("the host's name")
  })

  it("are nothing when they are fragments, cut short, or any bytes", () => {
    const whole = encodeDatagram({ host: "a.example", port: 80 }, new Uint8Array(0))
    for (let length = 0; length < whole.length; length++)
      expect(decodeDatagram(whole.subarray(0, length))).toBeUndefined()
    expect(decodeDatagram(whole.with(2, 1))).toBeUndefined()
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodeDatagram(bytes)))
  })
})

describe("CONNECT", () => {
  it("takes the head of the answer, however it is cut, and not a byte more", () => {
    fc.assert(
      fc.property(host, port, fc.uint8Array({ maxLength: 300 }), cuts, (host, port, payload, at) => {
        const handshake = new ConnectHandshake({ host, port }, "proxy-authorization: Basic eA==\r\n")
        const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
        expect(new TextDecoder().decode(handshake.opening)).toBe(
          `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\nproxy-authorization: Basic eA==\r\n\r\n`,
        )
        const head = encodeUtf8("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
        const { last, rest } = feed(handshake, concat([head, payload]), at)
        expect([last.kind, rest]).toEqual(["open", payload.length])
      }),
    )
  })

  it("ends on any bytes, without an error of its own", () => {
    const chunk = fc.oneof(fc.uint8Array({ maxLength: 300 }), word.map(encodeUtf8))
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 60 }), (chunks) => {
        const handshake = new ConnectHandshake({ host: "a.example", port: 443 }, "")
        for (const chunk of [encodeUtf8("HTTP/1.1 "), ...chunks]) if (handshake.read(chunk).kind !== "more") return
      }),
    )
  })

  it("says why there is no way", () => {
    const read = (answer: string, headers = "") =>
      new ConnectHandshake({ host: "a", port: 1 }, headers).read(encodeUtf8(answer))
    const login = { kind: "refused", lasting: "login" }
    expect(read("HTTP/1.1 407 Who\r\n\r\n")).toEqual({ ...login, reason: "wants a user and a password" })
    const offers = 'Proxy-Authenticate: Digest realm="a, b c", qop=auth, nonce=x\r\nProxy-Authenticate: NTLM\r\n'
    expect(read(`HTTP/1.1 407 Who\r\n${offers}\r\n`, "proxy-authorization: Basic eA==\r\n")).toEqual({
      ...login,
      reason: "does not take this user and password (it offers: Digest, NTLM)",
    })
    const status = (code: number) => ({ kind: "refused", reason: `refused with HTTP status ${code}` })
    expect(read("HTTP/1.0 403 No\r\n\r\n")).toEqual({ ...status(403), lasting: "place" })
    expect(read("HTTP/1.0 502 No\r\n\r\n")).toEqual(status(502))
    expect(read("SSH-2.0-x\r\n")).toMatchObject({ kind: "refused", reason: expect.stringContaining("not speak HTTP") })
  })
})
