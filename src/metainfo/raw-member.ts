import { COLON, DICTIONARY, END, INTEGER, LIST, NINE, ZERO } from "./bencode-bytes.js"

/**
 * The encoding of a value in a bencoded dictionary (BEP 3) as it was found, a view: what an infohash is the digest of. What lies
 * around it is not decoded. `key` is ASCII. Undefined when there is no such value, or what comes before it is malformed.
 */
export function rawMember(bytes: Uint8Array, key: string): Uint8Array | undefined {
  if (bytes[0] !== DICTIONARY) return undefined
  for (let at = 1; bytes[at] !== END; ) {
    const value = endOfValue(bytes, at)
    const end = value && endOfValue(bytes, value)
    if (value === undefined || end === undefined) return undefined
    if (isKey(bytes.subarray(at, value), key)) return bytes.subarray(value, end)
    at = end
  }
  return undefined
}

function isKey(encoded: Uint8Array, key: string): boolean {
  const text = `${key.length}:${key}`
  return encoded.length === text.length && encoded.every((byte, at) => byte === text.charCodeAt(at))
}

/** Where the value ends that begins at `start`; undefined when it never does. */
function endOfValue(bytes: Uint8Array, start: number): number | undefined {
  let depth = 0
  let at = start
  do {
    const byte = bytes[at]
    if (byte === LIST || byte === DICTIONARY) {
      depth++
      at++
    } else if (byte === END) {
      depth--
      at++
    } else if (byte === INTEGER) {
      at = bytes.indexOf(END, at) + 1
      if (at === 0) return undefined
    } else {
      const end = endOfString(bytes, at)
      if (end === undefined) return undefined
      at = end
    }
  } while (depth > 0)
  return depth === 0 ? at : undefined
}

function endOfString(bytes: Uint8Array, start: number): number | undefined {
  let length = 0
  let at = start
  for (let byte = bytes[at]; byte !== undefined && byte >= ZERO && byte <= NINE; byte = bytes[++at]) {
    length = 10 * length + byte - ZERO
  }
  const end = at + 1 + length
  return at > start && bytes[at] === COLON && end <= bytes.length ? end : undefined
}
