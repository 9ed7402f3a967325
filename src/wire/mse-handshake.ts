import { concatBytes } from "../bytes/concat.js"
import { ProtocolError } from "../errors.js"

/** One side of an encrypted handshake, step by step: it yields when it needs more bytes than have come. */
export type MseSteps<Agreement> = (input: MseInput) => Generator<void, Agreement, void>

/** Runs one side of an encrypted handshake with bytes as they come, however they are cut. */
export class MseHandshake<Agreement> {
  readonly #input = new MseInput()
  readonly #steps: Generator<void, Agreement, void>

  /** Goes as far as it gets without a word from the other side. */
  constructor(steps: MseSteps<Agreement>) {
    this.#steps = steps(this.#input)
    this.#steps.next()
  }

  /**
   * Takes what came; `chunk` is not kept. The agreement, once there is one: nothing may be pushed after it.
   *
   * @throws ProtocolError when there can be none
   */
  push(chunk: Uint8Array): Agreement | undefined {
    this.#input.add(chunk)
    const { done, value } = this.#steps.next()
    return done === true ? value : undefined
  }
}

/** What came and was not used yet. It holds no more than the longest field and one chunk. */
class MseInput {
  #bytes = new Uint8Array(0)

  /** `chunk` is copied. */
  add(chunk: Uint8Array): void {
    this.#bytes = concatBytes(this.#bytes, chunk)
  }

  /** The next `length` bytes, the caller's to keep and to change. */
  *take(length: number): Generator<void, Uint8Array, void> {
    while (this.#bytes.length < length) yield
    return this.#cut(length)
  }

  /** All there is. */
  takeAll(): Uint8Array {
    return this.#cut(this.#bytes.length)
  }

  /** Leaves out `most` bytes at most, and `mark`. @throws ProtocolError when that does not come */
  *skipPast(mark: Uint8Array, most: number): Generator<void, void, void> {
    for (let at = 0; at <= most; at++) {
      while (this.#bytes.length < at + mark.length) yield
      if (mark.every((byte, i) => this.#bytes[at + i] === byte)) {
        this.#cut(at + mark.length)
        return
      }
    }
    throw new ProtocolError("the padding of its encrypted handshake does not end")
  }

  #cut(length: number): Uint8Array {
    const bytes = this.#bytes.subarray(0, length)
    this.#bytes = this.#bytes.subarray(length)
    return bytes
  }
}
