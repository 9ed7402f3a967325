/** Steps through bytes that may be cut off or hostile. */
export class ByteCursor {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = position
  }

  /** Undefined when it is cut off or beyond 2^53. */
  varint(): number | undefined {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.#bytes[this.position++]
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : undefined
    }
    return undefined
  }

  uint64(): bigint | undefined {
    const start = this.position
    this.position += 8
    if (this.position > this.#bytes.length) return undefined
    return this.#view.getBigUint64(start)
  }
}

/** Appends a whole number, 0 to 2^53 - 1, as a LEB128 varint. */
export function pushVarint(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
}

/** Appends 64 bits, big-endian. */
export function pushUint64(bytes: number[], value: bigint): void {
  // In two halves: arithmetic with big integers costs memory, and there are two of these for each file.
  const unsigned = BigInt.asUintN(64, value)
  for (const half of [Number(unsigned >> 32n), Number(unsigned & 0xffff_ffffn)]) {
    bytes.push(half >>> 24, (half >>> 16) & 0xff, (half >>> 8) & 0xff, half & 0xff)
  }
}
