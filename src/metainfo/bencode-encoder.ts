import { encodeUtf8, toLatin1 } from "../bytes/text.js"
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
  const chunks: Uint8Array[] = []
  write(input, chunks)
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const START_LIST = encodeUtf8("l")
const START_DICTIONARY = encodeUtf8("d")
const END = encodeUtf8("e")

function write(input: BencodeInput, chunks: Uint8Array[]): void {
  if (typeof input === "number" || typeof input === "bigint") chunks.push(encodeUtf8(`i${integer(input)}e`))
  else if (typeof input === "string") writeBytes(encodeUtf8(input), chunks)
  else if (input instanceof Uint8Array) writeBytes(input, chunks)
  else if (input instanceof Encoded) chunks.push(input.bytes)
  else if (isList(input)) {
    chunks.push(START_LIST)
    for (const element of input) write(element, chunks)
    chunks.push(END)
  } else {
    chunks.push(START_DICTIONARY)
    for (const [key, value] of entriesOf(input)) {
      writeBytes(key, chunks)
      write(value, chunks)
    }
    chunks.push(END)
  }
}

function writeBytes(bytes: Uint8Array, chunks: Uint8Array[]): void {
  chunks.push(encodeUtf8(`${bytes.length}:`), bytes)
}

function integer(value: number | bigint): number | bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer`)
  // Negative zero would be written "0", which is right.
  return value
}

function isList(input: object): input is readonly BencodeInput[] {
  return Array.isArray(input)
}

function entriesOf(
  input: BencodeDictionary | ReadonlyMap<string, BencodeInput> | { readonly [key: string]: BencodeInput | undefined },
): Iterable<[Uint8Array, BencodeInput]> {
  if (input instanceof BencodeDictionary) return input.entries()
  const pairs: Iterable<[string, BencodeInput | undefined]> = input instanceof Map ? input : Object.entries(input)
  const entries: { key: Uint8Array; order: string; value: BencodeInput }[] = []
  for (const [name, value] of pairs) {
    if (value === undefined) continue
    const key = encodeUtf8(name)
    entries.push({ key, order: toLatin1(key), value })
  }
  entries.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
  return entries.map(({ key, value }) => [key, value])
}
