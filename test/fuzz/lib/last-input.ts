/** The input that is being tried, where another thread can see it: an endless loop says nothing itself. */
export class LastInput {
  readonly shared: SharedArrayBuffer
  readonly #head: Int32Array
  readonly #bytes: Uint8Array

  constructor(shared = new SharedArrayBuffer(8 + 64 * 1024)) {
    this.shared = shared
    this.#head = new Int32Array(shared, 0, 2)
    this.#bytes = new Uint8Array(shared, 8)
  }

  /** Inputs so far, as a number that wraps. */
  get count(): number {
    return Atomics.load(this.#head, 0)
  }

  get input(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#head, 1))
  }

  set(input: Uint8Array): void {
    this.#bytes.set(input.subarray(0, this.#bytes.length))
    Atomics.store(this.#head, 1, Math.min(input.length, this.#bytes.length))
    Atomics.add(this.#head, 0, 1)
  }
}
