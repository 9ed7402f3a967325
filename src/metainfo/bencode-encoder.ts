import { encodeUtf8, toLatin1 } from "../bytes/text.js"
import { COLON, DICTIONARY, END, INTEGER, LIST } from "./bencode-bytes.js"
import { BencodeDictionary, type BencodeValue } from "./bencode-value.js"

/**
 * What can be encoded: decoded values, texts (as UTF-8), plain objects and maps. Keys of both are texts, encoded as UTF-8
 * and sorted by their bytes as BEP 3 asks; an object's undefined members are left out.
 */
export type BencodeInput =
  | BencodeValue
  | string
  | Encoded
  | readonly BencodeInput[]
  | ReadonlyMap<string, BencodeInput>
  | { readonly [key: string]: BencodeInput | undefined }

/** Bytes that are bencode already, put in as they are: an `info` must keep its own encoding to keep its infohash. */
export class Encoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/**
 * The encoding of a value (BEP 3). A {@link BencodeDictionary} keeps its own order, so that what was decoded is encoded
 * to the same bytes.
 *
 * @throws TypeError for a number that is not a safe integer: a mistake of the caller
 */
export function encode(input: BencodeInput): Uint8Array {
  const writer = new Writer()
  writer.write(input)
  return writer.finish()
}

const FIRST_CAPACITY = 256

/** Appends to one buffer that doubles. */
class Writer {
  #buffer = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#length)
  }

  write(input: BencodeInput): void {
    if (typeof input === "number" || typeof input === "bigint") this.#integer(input)
    else if (typeof input === "string") this.#string(encodeUtf8(input))
    else if (input instanceof Uint8Array) this.#string(input)
    else if (input instanceof Encoded) this.#bytes(input.bytes)
    else if (isList(input)) {
      this.#byte(LIST)
      for (const element of input) this.write(element)
      this.#byte(END)
    } else {
      this.#byte(DICTIONARY)
      if (input instanceof BencodeDictionary) this.#dictionary(input)
      else this.#members(input instanceof Map ? input : Object.entries(input))
      this.#byte(END)
    }
  }

  #integer(value: number | bigint): void {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer`)
    this.#byte(INTEGER)
    this.#bytes(encodeUtf8(String(value)))
    this.#byte(END)
  }

  #string(bytes: Uint8Array): void {
    this.#bytes(encodeUtf8(String(bytes.length)))
    this.#byte(COLON)
    this.#bytes(bytes)
  }

  #dictionary(dictionary: BencodeDictionary): void {
    for (const [key, value] of dictionary.entries()) {
      this.#string(key)
      this.write(value)
    }
  }

  #members(members: Iterable<[string, BencodeInput | undefined]>): void {
    const sorted: { key: Uint8Array; order: string; value: BencodeInput }[] = []
    for (const [name, value] of members) {
      if (value === undefined) continue
      const key = encodeUtf8(name)
      sorted.push({ key, order: toLatin1(key), value })
    }
    sorted.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    for (const { key, value } of sorted) {
      this.#string(key)
      this.write(value)
    }
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = byte
  }

  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + count))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

function isList(input: object): input is readonly BencodeInput[] {
  return Array.isArray(input)
}
