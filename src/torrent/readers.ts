import { AtError, abortError } from "../errors.js"
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
  readonly #onWait: () => void
  readonly #onLeave: () => void
  readonly #waiting = new Map<number, Set<Waiter>>()

  constructor(options: {
    table: PieceTable<Slot>
    picker: Picker<Slot>
    store: Pick<PieceStore, "read">
    clock: Clock
    /** A reader waits for pieces that nobody was after before. */
    onWait: () => void
    /** No reader waits for a piece any more that is not there yet. */
    onLeave: () => void
  }) {
    this.#table = options.table
    this.#picker = options.picker
    this.#store = options.store
    this.#clock = options.clock
    this.#onWait = options.onWait
    this.#onLeave = options.onLeave
  }

  /** The torrent's bytes from `offset` on. Rejects with AtError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { layout } = this.#table
    const bytes = new Uint8Array(length)
    const missing: number[] = []
    for (let at = offset; at < offset + length; ) {
      const piece = Math.floor(at / layout.pieceLength)
      if (!this.#table.is(piece, "have")) missing.push(piece)
      at = layout.pieceOffset(piece) + layout.pieceSize(piece)
    }
    await this.#arrivals(missing, signal)
    for (let at = offset; at < offset + length; ) {
      if (signal?.aborted) throw abortError(signal.reason)
      const piece = Math.floor(at / layout.pieceLength)
      const begin = at - layout.pieceOffset(piece)
      const take = Math.min(layout.pieceSize(piece) - begin, offset + length - at)
      await this.#readPiece(piece, begin, bytes.subarray(at - offset, at - offset + take), signal)
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
    for (const [piece, waiters] of this.#waiting) {
      for (const waiter of waiters) waiter.reject(error)
      this.#table.unwant(piece)
    }
    this.#waiting.clear()
  }

  /** A piece that was verified once may be gone by now: it is then fetched again, once. */
  async #readPiece(piece: number, begin: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#store.read(piece, begin, into)
    } catch (error) {
      if (!(error instanceof AtError) || error.code !== "AT_CORRUPT" || this.#table.is(piece, "have")) throw error
      await this.#arrivals([piece], signal)
      await this.#store.read(piece, begin, into)
    }
  }

  async #arrivals(pieces: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    if (pieces.length === 0) return
    if (signal?.aborted) throw abortError(signal.reason)
    const arrivals = Promise.all(pieces.map((piece) => this.#arrival(piece, signal)))
    this.#onWait()
    await arrivals
  }

  #arrival(piece: number, signal: AbortSignal | undefined): Promise<void> {
    this.#table.want(piece)
    this.#picker.setDeadline(piece, this.#clock.now())
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(piece) ?? new Set()
      this.#waiting.set(piece, waiters)
      const onAbort = (): void => {
        waiters.delete(waiter)
        if (waiters.size === 0) this.#forget(piece)
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

  #forget(piece: number): void {
    this.#waiting.delete(piece)
    this.#table.unwant(piece)
    this.#onLeave()
  }
}
