/**
 * A set of piece numbers in the wire's own form: the high bit of byte 0 is piece 0 (BEP 3).
 * Spare bits at the end are always zero.
 */
export class Bitfield {
  readonly length: number
  readonly bytes: Uint8Array
  #count = 0

  /** `length` is the number of pieces; all are absent. */
  constructor(length: number) {
    this.length = length
    this.bytes = new Uint8Array(Math.ceil(length / 8))
  }

  /** A copy of wire bytes; undefined when the byte count is wrong or a spare bit is set. */
  static fromBytes(bytes: Uint8Array, length: number): Bitfield | undefined {
    if (bytes.length !== Math.ceil(length / 8)) return undefined
    const spare = bytes.length * 8 - length
    if (spare > 0 && ((bytes[bytes.length - 1] ?? 0) & ((1 << spare) - 1)) !== 0) return undefined
    const field = new Bitfield(length)
    field.bytes.set(bytes)
    field.#count = countBits(bytes)
    return field
  }

  /** Another with the same bits. */
  copy(): Bitfield {
    const field = new Bitfield(this.length)
    field.bytes.set(this.bytes)
    field.#count = this.#count
    return field
  }

  /** How many are present. */
  get count(): number {
    return this.#count
  }

  get complete(): boolean {
    return this.#count === this.length
  }

  has(index: number): boolean {
    return ((this.bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0
  }

  /** True when some that is present here is absent in `other`, of the same length. */
  hasMoreThan(other: Bitfield): boolean {
    return this.count > other.count || this.firstBeyond(other, () => true) !== undefined
  }

  /** The first present here and absent in `other`, of the same length, that `accepts`. Eight at a step where there is none. */
  firstBeyond(other: Bitfield, accepts: (index: number) => boolean): number | undefined {
    for (let byte = 0; byte < this.bytes.length; byte++) {
      const bits = this.bytes[byte]! & ~other.bytes[byte]!
      if (bits === 0) continue
      for (let bit = 0; bit < 8; bit++)
        if ((bits & (0x80 >> bit)) !== 0 && accepts(byte * 8 + bit)) return byte * 8 + bit
    }
    return undefined
  }

  /** True when it was absent before. */
  add(index: number): boolean {
    if (index < 0 || index >= this.length || this.has(index)) return false
    this.bytes[index >> 3]! |= 0x80 >> (index & 7)
    this.#count++
    return true
  }

  /** True when it was present before. */
  delete(index: number): boolean {
    if (index < 0 || index >= this.length || !this.has(index)) return false
    this.bytes[index >> 3]! &= ~(0x80 >> (index & 7))
    this.#count--
    return true
  }

  fill(): void {
    if (this.length === 0) return
    this.bytes.fill(0xff)
    const spare = this.bytes.length * 8 - this.length
    this.bytes[this.bytes.length - 1] = (0xff << spare) & 0xff
    this.#count = this.length
  }

  clear(): void {
    this.bytes.fill(0)
    this.#count = 0
  }

  /** The present ones, ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let byte = 0; byte < this.bytes.length; byte++) {
      const bits = this.bytes[byte]!
      if (bits === 0) continue
      for (let bit = 0; bit < 8; bit++) if ((bits & (0x80 >> bit)) !== 0) yield byte * 8 + bit
    }
  }
}

function countBits(bytes: Uint8Array): number {
  let count = 0
  for (let byte of bytes) {
    for (; byte !== 0; byte &= byte - 1) count++
  }
  return count
}
