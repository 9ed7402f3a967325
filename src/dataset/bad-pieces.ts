import type { Engagement } from "./engagement.js"

/** Whom a check tells what it finds. */
export interface Hearer {
  /** A piece does not verify: it was hashed, or could not even be read. */
  onBad(piece: number, hashed: boolean): void
  /** The check is over. Resolves when nothing stays believed that is not there. */
  onEnd(): Promise<void>
}

/**
 * What checks of the data on disk found bad, on its way to the store. A store that is open hears of it at once; what is found
 * while none is open that can be written to is kept for the next one, as the journal may not have been told.
 */
export class BadPieces {
  /** Of each piece whether it was hashed, or could not even be read. */
  readonly #kept = new Map<number, boolean>()

  /** Those that are kept: whoever opens the store next has it hash them, whatever the journal says. */
  get kept(): ReadonlySet<number> {
    return new Set(this.#kept.keys())
  }

  /** Hears of a check that begins now. `current`: what is open at that moment. */
  hearer(current: () => Engagement | undefined): Hearer {
    const began = current()
    // What arrives meanwhile may have been hashed half-written.
    const had = began?.store.have.copy()
    const unread: number[] = []
    return {
      onBad: (piece, hashed) => {
        const now = current()
        if (now === undefined || now.refusal !== undefined) this.#kept.set(piece, hashed)
        const claimed = now === began ? had : now?.hadAtFirst
        if (hashed && claimed?.has(piece)) now?.store.lose(piece)
        if (!hashed) unread.push(piece)
      },
      // What could not be read is there all the same where the disk only did not answer.
      onEnd: async () => {
        const now = current()
        // A store that can't look is broken, and the next download says why.
        if (now?.refusal === undefined) await now?.store.lookAgain(unread).catch(() => {})
      },
    }
  }

  /** A store was opened, and has hashed those `told`. Of others it hears now. */
  handTo({ store, refusal }: Engagement, told: ReadonlySet<number>): void {
    if (refusal !== undefined) return
    for (const [piece, hashed] of this.#kept) if (hashed && !told.has(piece)) store.lose(piece)
    this.#kept.clear()
  }
}
