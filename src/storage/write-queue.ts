interface Waiting {
  readonly position: number
  readonly bytes: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Linux takes 1,024 pieces of memory in one write (IOV_MAX). */
const MAX_CHUNKS = 1024

/**
 * Writes to one file, neighbours put together: what is asked for in one turn, or while a write is under way, goes out as
 * one write for each stretch without a gap.
 */
export class WriteQueue {
  readonly #write: (chunks: readonly Uint8Array[], position: number) => Promise<void>
  #waiting: Waiting[] = []
  #running = false

  constructor(write: (chunks: readonly Uint8Array[], position: number) => Promise<void>) {
    this.#write = write
  }

  /** Settles when the bytes are written, or not; until then they must stay as they are. */
  add(position: number, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ position, bytes, resolve, reject })
      if (this.#running) return
      this.#running = true
      queueMicrotask(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.sort((a, b) => a.position - b.position)
      this.#waiting = []
      await Promise.all(stretches(batch).map((stretch) => this.#writeStretch(stretch)))
    }
    this.#running = false
  }

  async #writeStretch(stretch: readonly Waiting[]): Promise<void> {
    try {
      await this.#write(
        stretch.map(({ bytes }) => bytes),
        stretch[0]!.position,
      )
      for (const { resolve } of stretch) resolve()
    } catch (error) {
      for (const { reject } of stretch) reject(error)
    }
  }
}

function stretches(sorted: readonly Waiting[]): Waiting[][] {
  const all: Waiting[][] = []
  let end: number | undefined
  for (const one of sorted) {
    const last = all[all.length - 1]
    if (last !== undefined && one.position === end && last.length < MAX_CHUNKS) last.push(one)
    else all.push([one])
    end = one.position + one.bytes.length
  }
  return all
}
