interface Chunk {
  readonly bytes: Uint8Array
  readonly onTaken: (() => void) | undefined
}

/** Bytes that wait to be put into packets. */
export class WriteQueue {
  readonly #chunks: Chunk[] = []
  /** How much of the first chunk is gone. */
  #gone = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** `onTaken` is called once, when the bytes are not needed any more. */
  push(bytes: Uint8Array, onTaken: (() => void) | undefined): void {
    this.#chunks.push({ bytes, onTaken })
    this.#length += bytes.length
  }

  /** Moves the next `length` bytes, which must be there, to `into`, from `at` on. */
  take(into: Uint8Array, at: number, length: number): void {
    let filled = 0
    while (filled < length) {
      const { bytes, onTaken } = this.#chunks[0] as Chunk
      const part = bytes.subarray(this.#gone, this.#gone + length - filled)
      into.set(part, at + filled)
      filled += part.length
      this.#gone += part.length
      if (this.#gone < bytes.length) break
      this.#chunks.shift()
      this.#gone = 0
      onTaken?.()
    }
    this.#length -= length
  }

  clear(): void {
    this.#gone = this.#length = 0
    for (const { onTaken } of this.#chunks.splice(0)) onTaken?.()
  }
}
