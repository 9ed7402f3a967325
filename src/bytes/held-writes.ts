interface HeldWrite {
  readonly chunk: Uint8Array
  readonly onTaken: (() => void) | undefined
}

/** What is written to a stream that can't send yet. */
export class HeldWrites {
  #writes: HeldWrite[] = []

  get bytes(): number {
    return this.#writes.reduce((sum, { chunk }) => sum + chunk.length, 0)
  }

  push(chunk: Uint8Array, onTaken: (() => void) | undefined): void {
    this.#writes.push({ chunk, onTaken })
  }

  /** A copy of what was written first, which is then not held any more; undefined where it is longer than `limit`, or nothing. */
  takeFirst(limit: number): Uint8Array | undefined {
    const [first] = this.#writes
    if (first === undefined || first.chunk.length > limit) return undefined
    this.#writes.shift()
    const copy = first.chunk.slice()
    first.onTaken?.()
    return copy
  }

  /** Writes all of it to `stream`, in its order. */
  flush(stream: { write(chunk: Uint8Array, onTaken?: () => void): boolean }): void {
    for (const { chunk, onTaken } of this.#writes.splice(0)) stream.write(chunk, onTaken)
  }

  /** Nothing of it will ever be sent: its memory may be used again. */
  release(): void {
    for (const { onTaken } of this.#writes.splice(0)) onTaken?.()
  }
}
