/** Bytes and where they go in a file. */
export interface FilePart {
  readonly position: number
  readonly bytes: Uint8Array
}

/** What was asked for in one call. */
interface Order {
  /** Parts that are not written yet. */
  left: number
  failure: { readonly error: unknown } | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Waiting extends FilePart {
  readonly order: Order
}

/** Linux takes 1,024 pieces of memory in one write (IOV_MAX). */
const MAX_CHUNKS = 1024

/**
 * Writes to one file, neighbours put together: what is asked for in one turn, or while a write is under way, goes out as
 * one write for each stretch without a gap. One write at a time: file systems let only one into a file, and the others
 * would burn their time waiting.
 */
export class WriteQueue {
  readonly #write: (chunks: readonly Uint8Array[], position: number) => Promise<void>
  #waiting: Waiting[] = []
  #running = false

  constructor(write: (chunks: readonly Uint8Array[], position: number) => Promise<void>) {
    this.#write = write
  }

  /** Settles when all parts (at least one) are written, or could not be; until then their bytes must stay as they are. */
  add(parts: readonly FilePart[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const order: Order = { left: parts.length, failure: undefined, resolve, reject }
      for (const { position, bytes } of parts) this.#waiting.push({ position, bytes, order })
      if (this.#running) return
      this.#running = true
      queueMicrotask(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.sort((a, b) => a.position - b.position)
      this.#waiting = []
      for (const stretch of stretches(batch)) await this.#writeStretch(stretch)
    }
    this.#running = false
  }

  async #writeStretch(stretch: readonly Waiting[]): Promise<void> {
    let failure: Order["failure"]
    try {
      await this.#write(
        stretch.map(({ bytes }) => bytes),
        stretch[0]!.position,
      )
    } catch (error) {
      failure = { error }
    }
    for (const { order } of stretch) {
      order.failure ??= failure
      if (--order.left > 0) continue
      if (order.failure === undefined) order.resolve()
      else order.reject(order.failure.error)
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
