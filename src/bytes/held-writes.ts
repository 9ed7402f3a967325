interface HeldWrite {
  readonly chunk: Uint8Array
  readonly onTaken: (() => void) | undefined
}

/** What is written to a stream that is not open yet. */
export class HeldWrites {
  #writes: HeldWrite[] = []

  get bytes(): number {
    return this.#writes.reduce((sum, { chunk }) => sum + chunk.length, 0)
  }

  push(chunk: Uint8Array, onTaken: (() => void) | undefined): void {
    this.#writes.push({ chunk, onTaken })
  }

  /** Writes all of it to `stream`, in its order. Undefined when there was nothing, else what the last write said. */
  flush(stream: { write(chunk: Uint8Array, onTaken?: () => void): boolean }): boolean | undefined {
    let hasRoom: boolean | undefined
    for (const { chunk, onTaken } of this.#take()) hasRoom = stream.write(chunk, onTaken)
    return hasRoom
  }

  /** Nothing of it will ever be sent: its memory may be used again. */
  release(): void {
    for (const { onTaken } of this.#take()) onTaken?.()
  }

  #take(): HeldWrite[] {
    return this.#writes.splice(0)
  }
}
