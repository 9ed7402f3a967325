/** Of a whole word at a time, the first byte in memory is the lowest. */
const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** RC4, which message stream encryption asks for. It hides what is said from filters, and is no secrecy worth the name. */
export class Rc4 {
  readonly #state = new Int32Array(256)
  #i = 0
  #j = 0

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
    const toWord = LITTLE_ENDIAN ? Math.min(-bytes.byteOffset & 3, bytes.length) : bytes.length
    const words = (bytes.length - toWord) >> 2
    this.#bytes(bytes, 0, toWord)
    if (words > 0) this.#words(new Int32Array(bytes.buffer, bytes.byteOffset + toWord, words))
    this.#bytes(bytes, toWord + 4 * words, bytes.length)
    return bytes
  }

  #bytes(bytes: Uint8Array, start: number, end: number): void {
    const state = this.#state
    let i = this.#i
    let j = this.#j
    for (let at = start; at < end; at++) {
      i = (i + 1) & 255
      const a = state[i]!
      j = (j + a) & 255
      const b = state[j]!
      state[i] = b
      state[j] = a
      bytes[at]! ^= state[(a + b) & 255]!
    }
    this.#i = i
    this.#j = j
  }

  /** Four bytes a turn: memory is read and written a word at a time. */
  #words(words: Int32Array): void {
    const state = this.#state
    let i = this.#i
    let j = this.#j
    for (let at = 0; at < words.length; at++) {
      i = (i + 1) & 255
      let a = state[i]!
      j = (j + a) & 255
      let b = state[j]!
      state[i] = b
      state[j] = a
      let key = state[(a + b) & 255]!
      i = (i + 1) & 255
      a = state[i]!
      j = (j + a) & 255
      b = state[j]!
      state[i] = b
      state[j] = a
      key |= state[(a + b) & 255]! << 8
      i = (i + 1) & 255
      a = state[i]!
      j = (j + a) & 255
      b = state[j]!
      state[i] = b
      state[j] = a
      key |= state[(a + b) & 255]! << 16
      i = (i + 1) & 255
      a = state[i]!
      j = (j + a) & 255
      b = state[j]!
      state[i] = b
      state[j] = a
      words[at]! ^= key | (state[(a + b) & 255]! << 24)
    }
    this.#i = i
    this.#j = j
  }
}
