/** Of a whole word at a time, the first byte in memory is the lowest. */
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1
/** Fewer words than this are done byte by byte: the state would be copied to and fro for little. */
const FEW_WORDS = 64

/** Where the two indexes lie, behind the permutation. */
const I = 256
const J = 257
const STATE_LENGTH = 258

/** RC4, which message stream encryption asks for. It hides what is said from filters, and is no secrecy worth the name. */
export class Rc4 {
  /** A permutation of 0 to 255, i and j. */
  readonly #state = new Int32Array(STATE_LENGTH)

  /** `key` is 1 to 256 bytes. The first `drop` bytes of the key stream are thrown away. */
  constructor(key: Uint8Array, drop: number) {
    const s = this.#state
    for (let i = 0; i < 256; i++) s[i] = i
    for (let i = 0, j = 0; i < 256; i++) {
      const a = s[i]!
      j = (j + a + key[i % key.length]!) & 255
      s[i] = s[j]!
      s[j] = a
    }
    this.apply(new Uint8Array(drop))
  }

  /** Encrypts or decrypts the next bytes, in place; returns them. */
  apply<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
    const toWord = -bytes.byteOffset & 3
    const words = LITTLE_ENDIAN ? (bytes.length - toWord) >> 2 : 0
    if (words < FEW_WORDS) {
      applyToBytes(this.#state, bytes, 0, bytes.length)
      return bytes
    }
    applyToBytes(this.#state, bytes, 0, toWord)
    applyToWords(this.#state, new Int32Array(bytes.buffer, bytes.byteOffset + toWord, words))
    applyToBytes(this.#state, bytes, toWord + 4 * words, bytes.length)
    return bytes
  }
}

function applyToBytes(state: Int32Array, bytes: Uint8Array, start: number, end: number): void {
  let i = state[I]!
  let j = state[J]!
  for (let at = start; at < end; at++) {
    i = (i + 1) & 255
    const a = state[i]!
    j = (j + a) & 255
    const b = state[j]!
    state[i] = b
    state[j] = a
    bytes[at]! ^= state[(a + b) & 255]!
  }
  state[I] = i
  state[J] = j
}

/**
 * Four bytes a turn, and each next value of the permutation is read before this one's key is: the processor need not wait
 * for the stores in between.
 */
const applyToWords = (() => {
  // The state of whoever is at work. That it is always this one memory, which no other code can change for another, lets
  // the compiler leave out a check at every index: with the words and the order, 1.4 times as fast.
  const table = new Int32Array(STATE_LENGTH)
  return (state: Int32Array, words: Int32Array): void => {
    table.set(state)
    let i = table[I]!
    let j = table[J]!
    let a = table[(i + 1) & 255]!
    for (let at = 0; at < words.length; at++) {
      i = (i + 1) & 255
      j = (j + a) & 255
      let b = table[j]!
      table[j] = a
      let next = table[(i + 1) & 255]!
      table[i] = b
      let key = table[(a + b) & 255]!

      i = (i + 1) & 255
      j = (j + next) & 255
      b = table[j]!
      table[j] = next
      a = table[(i + 1) & 255]!
      table[i] = b
      key |= table[(next + b) & 255]! << 8

      i = (i + 1) & 255
      j = (j + a) & 255
      b = table[j]!
      table[j] = a
      next = table[(i + 1) & 255]!
      table[i] = b
      key |= table[(a + b) & 255]! << 16

      i = (i + 1) & 255
      j = (j + next) & 255
      b = table[j]!
      table[j] = next
      a = table[(i + 1) & 255]!
      table[i] = b
      words[at]! ^= key | (table[(next + b) & 255]! << 24)
    }
    table[I] = i
    table[J] = j
    state.set(table)
  }
})()
