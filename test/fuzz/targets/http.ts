import { TorrentLayout } from "../../../src/metainfo/layout.js"
import type { Metainfo } from "../../../src/metainfo/metainfo.js"
import { AnswerReader } from "../../../src/node/http1-answer.js"
import { MAX_HEAD, MalformedAnswer } from "../../../src/node/http1-head.js"
import { HttpError, type HttpListener } from "../../../src/ports/http.js"
import { FileRequest } from "../../../src/webseed/file-request.js"
import type { RequestEnd } from "../../../src/webseed/request-end.js"
import { WebSeed } from "../../../src/webseed/web-seed.js"
import { seededRandom } from "../../support/seeded-random.js"
import { ManualClock } from "../../unit/peer/harness.js"
import { Choices } from "../lib/choices.js"
import { inParts, readSizes } from "../lib/cuts.js"
import { must, mustEqual } from "../lib/expect.js"
import { type Target, words } from "../lib/target.js"

/** What comes before the answer in an input. */
const HEAD = 5

const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 10-19/1000\r\nContent-Length: 10\r\n\r\n0123456789",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\na\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
  "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
  "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 416 No\r\nContent-Range: bytes */2000\r\n\r\n",
]
const WORDS = words(
  ...[
    "HTTP/1.1 ",
    "HTTP/1.0 ",
    "200",
    "206",
    "416",
    "503",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "0\r\n",
    "ffffffff\r\n",
    ": ",
    ", ",
  ],
  ...[
    "Content-Length: ",
    "Content-Range: bytes ",
    "Transfer-Encoding: ",
    "chunked",
    "Content-Encoding: gzip",
    "-",
    "/*",
  ],
  ...["Connection: close", "keep-alive", "ETag: ", "Last-Modified: ", "Retry-After: ", "__proto__: x"],
)

/** An answer is read the same however it is cut, and never beyond its end. */
export const httpAnswer: Target = {
  name: "http-answer",
  seeds: () => seedsOf([1, 0, 2, 7, 0]),
  words: WORDS,
  check(input) {
    const sizes = readSizes(new Choices(input.subarray(0, HEAD)))
    const stream = input.slice(HEAD)
    mustEqual(answer(stream, sizes), answer(stream, [Math.max(1, stream.length)]), "cut otherwise it is another answer")
  },
}

const FILE = 1000

/** What a web seed answers to a request: never more, and never other bytes, than what was asked for. */
export const webSeed: Target = {
  name: "web-seed",
  seeds: () => [...seedsOf([1, 10, 20, 0, 5]), ...seedsOf([0, 0, 250, 0, 99]), ...HONEST],
  words: WORDS,
  check(input) {
    const choices = new Choices(input.subarray(0, HEAD))
    const honest = choices.byte() >= 128
    const from = choices.byte() * 2
    const to = Math.min(FILE, from + 1 + choices.byte() * 4)
    const chunk = 1 + (choices.uint16() % 2000)
    const stream = honest ? honestAnswer(input.subarray(HEAD), from, to) : input.slice(HEAD)
    const { end, data } = fetched(stream, from, to, chunk)
    must(data.length <= to - from, `${data.length} bytes for ${to - from}`)
    if (end?.kind === "whole") must(data.length === to - from, "it is called whole and is not")
    if (!honest) return
    must(
      data.every((byte, i) => byte === byteAt(from + i)),
      "these are not the file's bytes",
    )
    must(end?.kind === "whole" && !end.excess, `a right answer ends in ${JSON.stringify(end)}`)
  },
}

/** Right answers of all kinds: the choices are how. */
const HONEST = [0, 1, 2, 3].map((kind) => Uint8Array.of(200, 3, 9, 0, 40, kind, 5, 7))

function byteAt(offset: number): number {
  return (offset * 7 + 3) & 0xff
}

function honestAnswer(input: Uint8Array, from: number, to: number): Uint8Array {
  const choices = new Choices(input)
  const [partial, chunked] = [choices.below(2) === 0, choices.below(2) === 0]
  const [start, end] = partial ? [from, to] : [0, FILE]
  const body = Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i))
  const status = partial ? `206 Partial\r\nContent-Range: bytes ${start}-${end - 1}/${FILE}` : "200 OK"
  const head = `HTTP/1.1 ${status}\r\n${chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`}\r\n\r\n`
  const parts: Uint8Array[] = [Buffer.from(head)]
  if (!chunked) return Buffer.concat([...parts, body])
  for (let at = 0; at < body.length; ) {
    const size = Math.min(1 + choices.byte(), body.length - at)
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"))
    at += size
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")])
}

function seedsOf(head: readonly number[]): Uint8Array[] {
  return ANSWERS.map((text) => Uint8Array.from([...head, ...Buffer.from(text)]))
}

/** All that a listener hears of an answer, as one value. */
function answer(stream: Uint8Array, sizes: readonly number[]): unknown {
  const data: number[] = []
  const heads: unknown[] = []
  const reader = new AnswerReader({
    onHead: (status, headers) => {
      must(status >= 200 && status <= 999, `${status} is no status`)
      must(JSON.stringify(headers).length <= 8 * MAX_HEAD, "the head is too long")
      heads.push([status, { ...headers }])
    },
    onData: (chunk) => {
      must(heads.length === 1, "data comes before the head")
      data.push(...chunk)
    },
  })
  inParts(stream, sizes, (part) => {
    reader.read(part)
    return reader.state.kind === "open"
  })
  if (reader.state.kind === "open") reader.end()
  must(data.length <= stream.length && heads.length <= 1, "more comes out than went in")
  const { state } = reader
  // Whether the connection can be used again depends on what came together with the end.
  const end = state.kind === "malformed" ? `malformed: ${state.reason.message}` : state.kind
  return { heads, data: Uint8Array.from(data), end }
}

const metainfo = {
  kind: "file",
  rawName: "data.bin",
  name: "data.bin",
  renamed: new Map(),
  layout: new TorrentLayout(256, [{ path: "data.bin", offset: 0, length: FILE, padding: false }]),
} as unknown as Metainfo

/** A request against such an answer: how it ended, and the bytes it gave. */
function fetched(stream: Uint8Array, from: number, to: number, chunk: number): { end?: RequestEnd; data: number[] } {
  const clock = new ManualClock()
  const data: number[] = []
  const ends: RequestEnd[] = []
  const log = { log: () => {}, enabled: () => false }
  const seed = new WebSeed({ url: "http://seed.example/", metainfo, clock, random: seededRandom(1), log })
  let heard: HttpListener | undefined
  const request = new FileRequest({
    ...{ seed, clock, index: 0, file: metainfo.layout.files[0]!, from, to, mayDiscard: FILE, validators: undefined },
    http: {
      get: (_, listener) => {
        heard = listener
        return { pause: () => {}, resume: () => {}, abort: () => {}, follow: () => undefined }
      },
      close: () => Promise.resolve(),
    },
    listener: {
      onBytes: (bytes) => {
        must(ends.length === 0, "bytes come behind the end")
        data.push(...bytes)
      },
      onRequestEnd: (_, end) => ends.push(end),
    },
  })
  request.start()
  const listener = heard!
  const reader = new AnswerReader({
    onHead: (status, headers) => listener.onHead({ status, headers }),
    onData: (bytes) => listener.onData(bytes),
  })
  inParts(stream, [chunk], (part) => {
    reader.read(part)
    return reader.state.kind === "open"
  })
  if (reader.state.kind === "open") reader.end()
  const { state } = reader
  if (state.kind === "complete") listener.onEnd()
  else if (state.kind === "malformed") {
    must(state.reason instanceof MalformedAnswer, "it is malformed for no reason")
    listener.onError(new HttpError("malformed", state.reason.message))
  } else listener.onError(new HttpError("network", "cut"))
  must(ends.length === 1, `it ends ${ends.length} times`)
  clock.advance(60_000)
  must(clock.timers === 0, "a timer is left behind")
  return { ...(ends[0] !== undefined && { end: ends[0] }), data }
}
