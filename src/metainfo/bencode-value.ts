import { decodeUtf8Lenient, fromLatin1, toLatin1 } from "../bytes/text.js"

/**
 * A decoded bencode value (BEP 3): an integer is a number when a number holds it exactly, else a bigint; a string is
 * bytes; a list is an array.
 *
 * All of it comes from strangers. Read it through {@link BencodeDictionary} and the `as…` functions, which answer
 * undefined when a value has another type: the caller then needs one check for "absent" and "wrong" alike.
 */
export type BencodeValue = number | bigint | Uint8Array | readonly BencodeValue[] | BencodeDictionary

/** Below this, looking at each key is quicker than building an index. */
const INDEX_FROM = 16

/**
 * A decoded dictionary. Keys are bytes; here they are texts of characters U+0000 to U+00FF, one a byte, so that no two
 * become one. Keys in ASCII, which all of BitTorrent's own are, look as usual.
 *
 * Entries keep the order in which they were found, so that encoding it again gives the same bytes.
 */
export class BencodeDictionary {
  /** In the order found; distinct. */
  readonly keys: readonly string[]
  readonly #values: readonly BencodeValue[]
  #index: Map<string, number> | undefined

  /** For the decoder: `keys` are distinct, and the arrays run in parallel. */
  constructor(keys: readonly string[], values: readonly BencodeValue[]) {
    this.keys = keys
    this.#values = values
  }

  get size(): number {
    return this.keys.length
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined
  }

  get(key: string): BencodeValue | undefined {
    const at = this.#find(key)
    return at === undefined ? undefined : this.#values[at]
  }

  /** For keys that are not text, such as the infohashes of a scrape answer. */
  getByBytes(key: Uint8Array): BencodeValue | undefined {
    return this.get(toLatin1(key))
  }

  /** {@link asInteger} of a value. */
  integer(key: string): number | undefined {
    return asInteger(this.get(key))
  }

  /** {@link asBytes} of a value. */
  bytes(key: string): Uint8Array | undefined {
    return asBytes(this.get(key))
  }

  /** {@link asText} of a value. */
  text(key: string): string | undefined {
    return asText(this.get(key))
  }

  /** {@link asList} of a value. */
  list(key: string): readonly BencodeValue[] | undefined {
    return asList(this.get(key))
  }

  /** {@link asDictionary} of a value. */
  dictionary(key: string): BencodeDictionary | undefined {
    return asDictionary(this.get(key))
  }

  /** Keys as bytes, with their values, in the order found. */
  *entries(): Generator<[key: Uint8Array, value: BencodeValue]> {
    for (let at = 0; at < this.keys.length; at++) yield [fromLatin1(this.keys[at]!)!, this.#values[at]!]
  }

  #find(key: string): number | undefined {
    if (this.keys.length < INDEX_FROM) {
      const at = this.keys.indexOf(key)
      return at < 0 ? undefined : at
    }
    this.#index ??= new Map(this.keys.map((name, at) => [name, at]))
    return this.#index.get(key)
  }
}

/** An integer between -2^53 and 2^53, exclusive; undefined for anything else. */
export function asInteger(value: BencodeValue | undefined): number | undefined {
  return typeof value === "number" ? value : undefined
}

/** A string's bytes: a view of the source, so copy what outlives it. */
export function asBytes(value: BencodeValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

/** A string as UTF-8, with U+FFFD in the place of what is not. */
export function asText(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? decodeUtf8Lenient(value) : undefined
}

export function asList(value: BencodeValue | undefined): readonly BencodeValue[] | undefined {
  return Array.isArray(value) ? value : undefined
}

export function asDictionary(value: BencodeValue | undefined): BencodeDictionary | undefined {
  return value instanceof BencodeDictionary ? value : undefined
}
