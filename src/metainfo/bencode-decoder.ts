import { toLatin1 } from "../bytes/text.js"
import { ProtocolError } from "../errors.js"
import { COLON, DICTIONARY, END, INTEGER, LIST, MINUS, NINE, ZERO } from "./bencode-bytes.js"
import { BencodeDictionary, type BencodeValue } from "./bencode-value.js"

/** How much of a stranger's input is taken. All are checked before anything is made of it. */
export interface BencodeLimits {
  /** Bytes of input. */
  readonly length: number
  /** Lists and dictionaries inside one another. */
  readonly depth: number
  /** Values, keys among them: what bounds memory, since the shortest value is two bytes. */
  readonly tokens: number
}

/** Enough for any message from a peer or a tracker: both are cut off at 1 MiB before they come here. */
export const MESSAGE_LIMITS: BencodeLimits = { length: 1 << 20, depth: 64, tokens: 100_000 }

/** 2^128 has 39 digits; no integer of the protocol has more than 20. A longer one costs quadratic time to convert. */
const MAX_DIGITS = 64

/** Up to this many digits a number is exact: 2^53 has 16. */
const EXACT_DIGITS = 15

/** What is wrong with an input: it ends too soon, breaks the grammar, is beyond a limit, or something follows the value. */
type BencodeFault = "truncated" | "malformed" | "limit" | "trailing"

/** An input that is not bencode, or not within the limits. */
export class BencodeError extends ProtocolError {
  readonly fault: BencodeFault
  /** The byte at which it was seen. */
  readonly offset: number

  constructor(fault: BencodeFault, message: string, offset: number) {
    super(`${message} at byte ${offset}`)
    this.fault = fault
    this.offset = offset
  }
}

/**
 * Decodes a value that is the whole input. Byte strings are views of `bytes`, not copies.
 *
 * Refused, because BEP 3 calls it invalid and parsers disagree on what it means: leading zeros, `-0`, negative or signed
 * lengths, the same key twice. Accepted, because real torrents have it: keys out of order. Integers of any size up to 64
 * digits are kept exactly.
 *
 * @throws BencodeError
 */
export function decode(bytes: Uint8Array, limits: BencodeLimits = MESSAGE_LIMITS): BencodeValue {
  const { value, end } = decodePrefix(bytes, limits)
  if (end !== bytes.length) throw new BencodeError("trailing", "something follows the value", end)
  return value
}

/**
 * Decodes the value that the input starts with, and says where it ends: a metadata message has bytes after it (BEP 9).
 *
 * @throws BencodeError
 */
export function decodePrefix(
  bytes: Uint8Array,
  limits: BencodeLimits = MESSAGE_LIMITS,
): { value: BencodeValue; end: number } {
  if (bytes.length > limits.length) {
    throw new BencodeError("limit", `${bytes.length} bytes where ${limits.length} are allowed`, limits.length)
  }
  const decoder = new Decoder(bytes, limits)
  const value = decoder.value(0)
  return { value, end: decoder.position }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

/** What lies on a stack from `base` on, taken off it: an array of the exact size. */
function cutFrom<T>(stack: T[], base: number): T[] {
  const top = stack.slice(base)
  stack.length = base
  return top
}

/** Keys remembered at a time, by their length and first byte; longer ones are seldom repeated. */
const SHARED_KEYS = 64
const MAX_SHARED_KEY = 32

class Decoder {
  position = 0
  readonly #bytes: Uint8Array
  readonly #limits: BencodeLimits
  readonly #sharedKeys: (string | undefined)[] = new Array(SHARED_KEYS)
  #lastKeys: readonly string[] = []
  // Stacks of what is open: an array of their own, growing, for each of a torrent's files would be a lot of garbage, and
  // one that grew has room for 17, which a torrent of many files has no memory for.
  readonly #keys: string[] = []
  readonly #values: BencodeValue[] = []
  #tokens = 0

  constructor(bytes: Uint8Array, limits: BencodeLimits) {
    // A subclass (Node's Buffer) would hand its own surprising methods on to every view.
    const plain = bytes.constructor === Uint8Array
    this.#bytes = plain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = limits
  }

  value(depth: number): BencodeValue {
    const byte = this.#bytes[this.position]
    if (byte === INTEGER) return this.#integer()
    if (byte === LIST) return this.#list(depth + 1)
    if (byte === DICTIONARY) return this.#dictionary(depth + 1)
    return this.#string()
  }

  #integer(): number | bigint {
    this.#count()
    const start = ++this.position
    const negative = this.#bytes[start] === MINUS
    const digits = negative ? start + 1 : start
    let at = digits
    let number = 0
    for (; isDigit(this.#bytes[at]); at++) {
      if (at - digits === MAX_DIGITS) throw this.#error("limit", `an integer of more than ${MAX_DIGITS} digits`, start)
      number = number * 10 + (this.#bytes[at]! - ZERO)
    }
    this.position = at
    if (at === digits) throw this.#unexpected("a digit")
    if (this.#bytes[at] !== END) throw this.#unexpected("the end of an integer")
    if (this.#bytes[digits] === ZERO && (negative || at > digits + 1)) {
      throw this.#error("malformed", "an integer with a leading zero or a negative zero", start)
    }
    this.position = at + 1
    if (at - digits <= EXACT_DIGITS) return negative ? -number : number
    const exact = BigInt(toLatin1(this.#bytes.subarray(start, at)))
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
  }

  #string(): Uint8Array {
    const start = this.#enterString()
    return this.#bytes.subarray(start, this.position)
  }

  /** Goes behind a string. @returns where its bytes begin */
  #enterString(): number {
    this.#count()
    const start = this.position
    if (!isDigit(this.#bytes[start])) throw this.#unexpected("a value")
    let at = start
    let length = 0
    for (; isDigit(this.#bytes[at]); at++) {
      length = length * 10 + (this.#bytes[at]! - ZERO)
      if (length > this.#bytes.length) throw this.#error("truncated", "a string is longer than the input", start)
    }
    this.position = at
    if (this.#bytes[at] !== COLON) throw this.#unexpected("a colon")
    if (this.#bytes[start] === ZERO && at > start + 1) {
      throw this.#error("malformed", "a string's length has a leading zero", start)
    }
    const end = at + 1 + length
    if (end > this.#bytes.length) throw this.#error("truncated", "a string is longer than the input", start)
    this.position = end
    return at + 1
  }

  #list(depth: number): BencodeValue[] {
    this.#enter(depth)
    const base = this.#values.length
    while (this.#bytes[this.position] !== END) this.#values.push(this.value(depth))
    this.position++
    return cutFrom(this.#values, base)
  }

  #dictionary(depth: number): BencodeDictionary {
    this.#enter(depth)
    const base = this.#keys.length
    const valuesBase = this.#values.length
    // As long as keys ascend, none can be there twice.
    let seen: Set<string> | undefined
    let last = ""
    while (this.#bytes[this.position] !== END) {
      const at = this.position
      const key = this.#key()
      if (seen === undefined && this.#keys.length > base && key <= last) seen = new Set(this.#keys.slice(base))
      if (seen?.has(key)) throw this.#error("malformed", "a dictionary has the same key twice", at)
      seen?.add(key)
      last = key
      this.#keys.push(key)
      this.#values.push(this.value(depth))
    }
    this.position++
    return new BencodeDictionary(this.#takeKeys(base), cutFrom(this.#values, valuesBase))
  }

  /** Most keys were seen before: the text is then shared, since a torrent has some for each of its files. */
  #key(): string {
    const start = this.#enterString()
    const length = this.position - start
    const slot = (length * 31 + this.#bytes[start]!) % SHARED_KEYS
    const shared = this.#sharedKeys[slot]
    if (shared?.length === length && this.#isAt(start, shared)) return shared
    const key = toLatin1(this.#bytes.subarray(start, this.position))
    if (length > 0 && length <= MAX_SHARED_KEY) this.#sharedKeys[slot] = key
    return key
  }

  /** Whether the characters of `text` are the bytes from `start` on. */
  #isAt(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#bytes[start + i] !== text.charCodeAt(i)) return false
    return true
  }

  /** Dictionaries that follow one another mostly have the same keys. */
  #takeKeys(base: number): readonly string[] {
    const keys = this.#keys
    const last = this.#lastKeys
    let same = keys.length - base === last.length
    for (let at = 0; same && at < last.length; at++) same = keys[base + at] === last[at]
    if (same) keys.length = base
    else this.#lastKeys = cutFrom(keys, base)
    return this.#lastKeys
  }

  #enter(depth: number): void {
    this.#count()
    if (depth > this.#limits.depth) throw this.#error("limit", "lists and dictionaries nested too deep", this.position)
    this.position++
  }

  #count(): void {
    if (++this.#tokens > this.#limits.tokens) throw this.#error("limit", "too many values", this.position)
  }

  #unexpected(expected: string): BencodeError {
    const ended = this.position >= this.#bytes.length
    return ended
      ? this.#error("truncated", `the input ends where ${expected} should be`, this.position)
      : this.#error("malformed", `${expected} expected`, this.position)
  }

  #error(fault: BencodeFault, message: string, offset: number): BencodeError {
    return new BencodeError(fault, message, offset)
  }
}
