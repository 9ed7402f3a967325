import type { Headers } from "./http-transport.js"

/** Bytes of an answer's head, interim answers included; 16 KiB is known to be too little for some servers. */
export const MAX_HEAD = 32 * 1024
const HEAD_END = "\r\n\r\n"
const PREFIX = "HTTP/1."

const STATUS_LINE = /^HTTP\/1\.(\d) ([1-9]\d\d)(?: .*)?$/
/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What no head may hold: control characters, and CR or LF alone (RFC 9112, 2.2: the stuff of smuggled answers). */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/

/** An answer that is no HTTP/1.1. The message says in what way, and nothing of its bytes. */
export class MalformedAnswer extends Error {
  override readonly name = "MalformedAnswer"
}

export interface AnswerHead {
  /** 200 or more. */
  readonly status: number
  /** HTTP/1.0 and 1.1 differ in what they do without a word. */
  readonly minorVersion: number
  /** Repeated ones joined with ", ". Without a prototype, since the names are a stranger's. */
  readonly headers: Headers
}

/** Gathers the bytes of an answer's head, skips interim answers (1xx), and says where the body begins. */
export class HeadReader {
  /** Set once the whole head has come. */
  head: AnswerHead | undefined
  /** Bytes of a head that has not ended yet. */
  #gathered: Buffer | undefined
  #length = 0
  #left = MAX_HEAD

  /** Takes bytes from `at` on; returns where the head ends in them, or their length when more is to come. */
  read(bytes: Uint8Array, at: number): number {
    let from = at
    while (this.head === undefined && from < bytes.length) {
      const come = Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.min(bytes.length - from, this.#left))
      const before = this.#length
      const buffer = before === 0 ? come : this.#gather(come)
      if (before < PREFIX.length) checkPrefix(buffer)
      // The end may have begun in what came before.
      const end = buffer.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length + 1), "latin1")
      if (end < 0) {
        if (come.length === this.#left) throw new MalformedAnswer(`its head is longer than ${MAX_HEAD} bytes`)
        if (before === 0) this.#gather(come)
        this.#left -= come.length
        return bytes.length
      }
      const taken = end + HEAD_END.length - before
      from += taken
      this.#left -= taken
      this.#length = 0
      const head = parseHead(buffer.toString("latin1", 0, end))
      if (head.status >= 200) this.head = head
    }
    return from
  }

  #gather(come: Buffer): Buffer {
    this.#gathered ??= Buffer.alloc(MAX_HEAD)
    this.#gathered.set(come, this.#length)
    this.#length += come.length
    return this.#gathered.subarray(0, this.#length)
  }
}

/** Finds out at the first bytes that this is another protocol. */
function checkPrefix(buffer: Buffer): void {
  const there = Math.min(buffer.length, PREFIX.length)
  if (buffer.toString("latin1", 0, there) !== PREFIX.slice(0, there))
    throw new MalformedAnswer("its answer is something else")
}

/** Reads a status line and headers (RFC 9112, 4 and 5), without the empty line, each byte a character. */
export function parseHead(text: string): AnswerHead {
  if (FORBIDDEN.test(text)) throw new MalformedAnswer("its head holds control characters")
  const lines = text.split("\r\n")
  const [, minorVersion, status] = STATUS_LINE.exec(lines[0]!) ?? []
  if (status === undefined) throw new MalformedAnswer("its answer has no status")
  const headers: Record<string, string> = Object.create(null)
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    // A line that continues the one before (obs-fold) has no name either.
    const colon = line.indexOf(":")
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    if (!TOKEN.test(name)) throw new MalformedAnswer("one of its headers has no proper name")
    const value = trimBlanks(line.slice(colon + 1))
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  return { status: Number(status), minorVersion: Number(minorVersion), headers }
}

/** Spaces and tabs only: `trim` would take characters that belong to the value. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
