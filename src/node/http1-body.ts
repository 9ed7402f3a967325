import { type AnswerHead, MalformedAnswer } from "./http1-head.js"

/** Bytes of a chunk's size line, extensions included. */
const MAX_SIZE_LINE = 1024
/** Bytes of all trailers together. */
const MAX_TRAILERS = 8 * 1024
/** The most a size's digits can say exactly. */
const MAX_CHUNK = Number.MAX_SAFE_INTEGER

const CR = 0x0d
const LF = 0x0a

/** Where a body ends (RFC 9112, 6.3). */
export type Framing =
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" }

/** Takes the head's word on its body; throws {@link MalformedAnswer} where that can be read in two ways. */
export function framingOf({ status, headers }: AnswerHead): Framing {
  if (status === 204 || status === 304) return { kind: "length", length: 0 }
  const coding = headers["transfer-encoding"]
  if (coding !== undefined) {
    // No other coding was asked for, and "chunked" twice or not as the last one is an attempt at something.
    if (coding.toLowerCase() !== "chunked") throw new MalformedAnswer("its body has a transfer coding not asked for")
    return { kind: "chunked" }
  }
  const announced = headers["content-length"]
  if (announced === undefined) return { kind: "until-close" }
  const [first = "", ...repeated] = announced.split(",").map((value) => value.trim())
  const length = /^\d+$/.test(first) ? Number(first) : Number.NaN
  if (!Number.isSafeInteger(length)) throw new MalformedAnswer("the length of its body is no number")
  if (repeated.some((value) => value !== first)) throw new MalformedAnswer("its body has two lengths")
  return { kind: "length", length }
}

/** Whether another answer may follow on the connection (RFC 9112, 9.3). */
export function keepsConnection({ minorVersion, headers }: AnswerHead, framing: Framing): boolean {
  if (framing.kind === "until-close") return false
  // The sender of both, or of chunks under HTTP/1.0, has a fault, and the next answer might not begin where it seems to.
  if (framing.kind === "chunked" && (minorVersion === 0 || headers["content-length"] !== undefined)) return false
  const { connection = "" } = headers
  const options = connection.toLowerCase().split(",")
  const says = (option: string): boolean => options.some((one) => one.trim() === option)
  return !says("close") && (minorVersion > 0 || says("keep-alive"))
}

/** What the next byte belongs to. `payload` and `until-close` are data, all others framing. */
type Part = "payload" | "until-close" | "size" | "extension" | "size-lf" | "data-cr" | "data-lf" | "trailer" | "done"

/** Finds the data in a body's bytes, wherever these are cut. */
export class BodyReader {
  /** Where the data that {@link advance} came upon begins and ends; equal when there was none. */
  start = 0
  end = 0
  readonly #chunked: boolean
  #part: Part
  /** Bytes of data still to come, of the body or of the chunk. */
  #left = 0
  #digits = 0
  /** Bytes of the size line, or of the trailers. */
  #lineBytes = 0
  /** Bytes since the last end of line in the trailers, without CR. */
  #trailerLine = 0
  #afterCr = false

  constructor(framing: Framing) {
    this.#chunked = framing.kind === "chunked"
    if (framing.kind === "length") {
      this.#left = framing.length
      this.#part = framing.length === 0 ? "done" : "payload"
    } else {
      this.#part = this.#chunked ? "size" : "until-close"
    }
  }

  /** True when the whole body has come. */
  get done(): boolean {
    return this.#part === "done"
  }

  /** True when the end of the connection is the end of the body. */
  get endsWithConnection(): boolean {
    return this.#part === "until-close"
  }

  /**
   * Goes through `bytes` from `at` on to the end of the next data, or of the body, or of the bytes; returns where it is.
   * Throws {@link MalformedAnswer}.
   */
  advance(bytes: Uint8Array, at: number): number {
    let from = at
    while (from < bytes.length && this.#part !== "done") {
      if (this.#part === "payload" || this.#part === "until-close") return this.#data(bytes, from)
      this.#framing(bytes[from++]!)
    }
    this.start = this.end = from
    return from
  }

  #data(bytes: Uint8Array, at: number): number {
    this.start = at
    this.end = bytes.length
    if (this.#part === "payload") {
      this.end = Math.min(bytes.length, at + this.#left)
      this.#left -= this.end - at
      if (this.#left === 0) this.#part = this.#chunked ? "data-cr" : "done"
    }
    return this.end
  }

  #framing(byte: number): void {
    switch (this.#part) {
      case "size":
        this.#size(byte)
        break
      case "extension":
        this.#countLine(MAX_SIZE_LINE)
        if (byte === CR) this.#part = "size-lf"
        else if (byte === LF) throw new MalformedAnswer("a chunk's size does not end as it should")
        break
      case "size-lf":
        expectByte(byte, LF)
        this.#lineBytes = 0
        this.#part = this.#left === 0 ? "trailer" : "payload"
        break
      case "data-cr":
        expectByte(byte, CR)
        this.#part = "data-lf"
        break
      case "data-lf":
        expectByte(byte, LF)
        this.#digits = 0
        this.#part = "size"
        break
      case "trailer":
        this.#trailer(byte)
        break
      case "payload":
      case "until-close":
      case "done":
    }
  }

  #size(byte: number): void {
    this.#countLine(MAX_SIZE_LINE)
    const digit = hexDigit(byte)
    if (digit !== undefined) {
      this.#left = this.#left * 16 + digit
      this.#digits++
      if (this.#left > MAX_CHUNK) throw new MalformedAnswer("a chunk's size is too large")
      return
    }
    if (this.#digits === 0) throw new MalformedAnswer("a chunk has no size")
    if (byte === CR) this.#part = "size-lf"
    // Blanks may stand before an extension, and some servers fill up with them.
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.#part = "extension"
    else throw new MalformedAnswer("a chunk's size is no number")
  }

  /** Trailers say nothing that is wanted here; only their end is looked for. */
  #trailer(byte: number): void {
    this.#countLine(MAX_TRAILERS)
    if (this.#afterCr) {
      expectByte(byte, LF)
      this.#afterCr = false
      if (this.#trailerLine === 0) this.#part = "done"
      this.#trailerLine = 0
    } else if (byte === CR) {
      this.#afterCr = true
    } else if (byte === LF) {
      throw new MalformedAnswer("a trailer does not end as it should")
    } else {
      this.#trailerLine++
    }
  }

  #countLine(limit: number): void {
    if (++this.#lineBytes > limit) throw new MalformedAnswer("a line between its chunks is too long")
  }
}

function expectByte(byte: number, expected: number): void {
  if (byte !== expected) throw new MalformedAnswer("a chunk does not end as it should")
}

function hexDigit(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined
}
