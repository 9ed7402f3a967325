/** Bytes that are bencoded already: an `info` dictionary that must stay as it is, or a hostile value. */
export class Raw {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export type Bencodable = number | bigint | string | Uint8Array | Raw | readonly Bencodable[] | BencodableDictionary
export interface BencodableDictionary {
  readonly [key: string]: Bencodable | undefined
}

/** Bencodes (BEP 3). Strings are UTF-8; a dictionary's keys are sorted as raw bytes; undefined entries are left out. */
export function encode(value: Bencodable): Buffer {
  const parts: Uint8Array[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

function write(value: Bencodable, parts: Uint8Array[]): void {
  if (typeof value === "number" || typeof value === "bigint") parts.push(Buffer.from(`i${value}e`))
  else if (typeof value === "string") write(Buffer.from(value), parts)
  else if (value instanceof Raw) parts.push(value.bytes)
  else if (value instanceof Uint8Array) parts.push(Buffer.from(`${value.length}:`), value)
  else if (isList(value)) {
    parts.push(Buffer.from("l"))
    for (const item of value) write(item, parts)
    parts.push(Buffer.from("e"))
  } else {
    const keys = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    parts.push(Buffer.from("d"))
    for (const key of keys) {
      const item = value[key]
      if (item === undefined) continue
      write(key, parts)
      write(item, parts)
    }
    parts.push(Buffer.from("e"))
  }
}

function isList(value: Bencodable): value is readonly Bencodable[] {
  return Array.isArray(value)
}

/** A decoded value: strings stay bytes, whole numbers become `number`. */
export type Decoded = number | Buffer | Decoded[] | DecodedDictionary
export type DecodedDictionary = Map<string, Decoded>

/** Decodes one value and refuses what follows it. For input the testbed made or a partner program wrote, not for hostile bytes. */
export function decode(bytes: Uint8Array): Decoded {
  const reader = new Reader(bytes)
  const value = reader.value()
  if (reader.at !== bytes.length) throw new Error(`bencode: ${bytes.length - reader.at} bytes after the end`)
  return value
}

/** The raw bytes of each value of the outermost dictionary. */
export function spans(bytes: Uint8Array): Map<string, Buffer> {
  const reader = new Reader(bytes)
  const found = new Map<string, Buffer>()
  reader.expect("d")
  while (!reader.ends()) {
    const key = reader.string().toString()
    const from = reader.at
    reader.value()
    found.set(key, reader.buffer.subarray(from, reader.at))
  }
  return found
}

class Reader {
  readonly buffer: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  expect(letter: string): void {
    if (this.buffer[this.at] !== letter.charCodeAt(0)) throw new Error(`bencode: no "${letter}" at ${this.at}`)
    this.at++
  }

  ends(): boolean {
    if (this.buffer[this.at] !== 0x65) return false
    this.at++
    return true
  }

  string(): Buffer {
    const length = this.number(":")
    const from = this.at
    this.at += length
    if (this.at > this.buffer.length) throw new Error(`bencode: cut string at ${from}`)
    return this.buffer.subarray(from, this.at)
  }

  value(): Decoded {
    const letter = String.fromCharCode(this.buffer[this.at] ?? 0)
    if (letter !== "i" && letter !== "l" && letter !== "d") return this.string()
    this.at++
    if (letter === "i") return this.number("e")
    if (letter === "l") {
      const list: Decoded[] = []
      while (!this.ends()) list.push(this.value())
      return list
    }
    const dictionary: DecodedDictionary = new Map()
    while (!this.ends()) dictionary.set(this.string().toString(), this.value())
    return dictionary
  }

  private number(end: string): number {
    const to = this.buffer.indexOf(end, this.at)
    const text = this.buffer.toString("latin1", this.at, to)
    if (to < 0 || !/^-?\d+$/.test(text)) throw new Error(`bencode: no number at ${this.at}`)
    this.at = to + 1
    return Number(text)
  }
}
