/**
 * An input read as a row of choices, for targets that are more than one call: how a stream is cut, which message comes
 * next. Behind the end all choices are 0, so that every beginning of an input is an input.
 */
export class Choices {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at)
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }

  /** Big-endian. */
  uint16(): number {
    return (this.byte() << 8) | this.byte()
  }

  /** Big-endian. */
  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16()
  }

  /** A whole number from 0 up to, not including, `below`, which is 256 at most. */
  below(below: number): number {
    return this.byte() % below
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  /** The next bytes, as many as there are. */
  take(length: number): Uint8Array {
    const end = Math.max(this.#at, Math.min(this.#at + length, this.#bytes.length))
    const taken = this.#bytes.slice(this.#at, end)
    this.#at = end
    return taken
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.left)
  }
}
