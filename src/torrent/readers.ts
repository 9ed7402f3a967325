import { type AtError, abortError } from "../errors.js"
import type { Picker } from "../picker/picker.js"
import type { PieceTable } from "../picker/piece-table.js"
import type { Clock } from "../ports/clock.js"
import type { PieceStore } from "../storage/piece-store.js"
import type { Slot } from "../storage/slots.js"

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: AtError) => void
}

/** Reads verified bytes, having the pieces fetched first where they are missing. */
export class Readers {
  readonly #table: PieceTable<Slot>
  readonly #picker: Picker<Slot>
  readonly #store: Pick<PieceStore, "read">
  readonly #clock: Clock
  readonly #waiting = new Map<number, Set<Waiter>>()

  constructor(table: PieceTable<Slot>, picker: Picker<Slot>, store: Pick<PieceStore, "read">, clock: Clock) {
    this.#table = table
    this.#picker = picker
    this.#store = store
    this.#clock = clock
  }

  /** The torrent's bytes from `offset` on. Rejects with AtError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { layout } = this.#table
    const bytes = new Uint8Array(length)
    const waits: Promise<void>[] = []
    for (let at = offset; at < offset + length; ) {
      const piece = Math.floor(at / layout.pieceLength)
      waits.push(this.#arrival(piece, signal))
      at = layout.pieceOffset(piece) + layout.pieceSize(piece)
    }
    await Promise.all(waits)
    for (let at = offset; at < offset + length; ) {
      const piece = Math.floor(at / layout.pieceLength)
      const begin = at - layout.pieceOffset(piece)
      const take = Math.min(layout.pieceSize(piece) - begin, offset + length - at)
      await this.#store.read(piece, begin, bytes.subarray(at - offset, at - offset + take))
      at += take
    }
    return bytes
  }

  /** A piece is on disk. */
  stored(piece: number): void {
    for (const waiter of this.#waiting.get(piece) ?? []) waiter.resolve()
    this.#waiting.delete(piece)
  }

  /** Nothing more will come. */
  fail(error: AtError): void {
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(error)
    this.#waiting.clear()
  }

  #arrival(piece: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#table.is(piece, "have")) return Promise.resolve()
    if (signal?.aborted) return Promise.reject(abortError(signal.reason))
    this.#table.want(piece)
    this.#picker.setDeadline(piece, this.#clock.now())
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(piece) ?? new Set()
      this.#waiting.set(piece, waiters)
      const onAbort = (): void => {
        waiters.delete(waiter)
        reject(abortError(signal?.reason))
      }
      const settle = (): void => signal?.removeEventListener("abort", onAbort)
      const waiter: Waiter = {
        resolve: () => {
          settle()
          resolve()
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      waiters.add(waiter)
      signal?.addEventListener("abort", onAbort, { once: true })
    })
  }
}
