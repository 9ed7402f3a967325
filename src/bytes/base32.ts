const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

/** Characters left in the last group of eight, where whole bytes end (RFC 4648, section 6). */
const WHOLE_BYTE_TAILS = new Set([0, 2, 4, 5, 7])

/** Bytes in base32 (RFC 4648), upper case, padded with `=` to a multiple of eight. */
export function toBase32(bytes: Uint8Array): string {
  let text = ""
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(buffer >> (bits - 5)) & 31]
    buffer &= (1 << bits) - 1
  }
  if (bits > 0) text += ALPHABET[(buffer << (5 - bits)) & 31]
  return text.padEnd(Math.ceil(text.length / 8) * 8, "=")
}

/**
 * The bytes that base32 of either case stands for, padded or not; undefined when it is not such a text, or its spare
 * bits are not zero.
 */
export function fromBase32(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,6}$/, "").toUpperCase()
  if (text.length !== digits.length && text.length % 8 !== 0) return undefined
  if (!WHOLE_BYTE_TAILS.has(digits.length % 8)) return undefined
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8))
  let at = 0
  let buffer = 0
  let bits = 0
  for (const digit of digits) {
    const value = ALPHABET.indexOf(digit)
    if (value < 0) return undefined
    buffer = (buffer << 5) | value
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = buffer >> bits
    buffer &= (1 << bits) - 1
  }
  return buffer === 0 ? bytes : undefined
}
