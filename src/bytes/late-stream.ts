import { HeldWrites } from "./held-writes.js"

/** What can be asked of a stream (`ports/net` has all of it) before it is there. */
interface Writable {
  /** Bytes written and not yet handed to the network. */
  readonly bufferedBytes: number
  write(chunk: Uint8Array, onTaken?: () => void): boolean
  pause(): void
  resume(): void
}

/** Stands for a stream that is still being made: what is written is held, and so is the wish to pause. */
export class LateStream<Stream extends Writable> {
  readonly #held = new HeldWrites()
  #stream: Stream | undefined
  #paused = false
  #failed = false

  get bufferedBytes(): number {
    return this.#stream?.bufferedBytes ?? this.#held.bytes
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#stream !== undefined) return this.#stream.write(chunk, onTaken)
    if (this.#failed) {
      onTaken?.()
      return false
    }
    this.#held.push(chunk, onTaken)
    return true
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#stream?.resume()
  }

  /** What it stands for, once that is there. */
  protected get stream(): Stream | undefined {
    return this.#stream
  }

  /** Here it is: gets all that was held, and from now on all that follows. */
  protected begin(stream: Stream): void {
    this.#stream = stream
    if (this.#paused) stream.pause()
    this.#held.flush(stream)
  }

  /** It will never be there: what is held, and all that follows, is dropped. */
  protected fail(): void {
    this.#failed = true
    this.#held.release()
  }
}
