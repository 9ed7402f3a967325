import type { AtError } from "../errors.js"
import type { CommitMeter } from "./commit-meter.js"
import type { Slot } from "./slots.js"

/** What became of a piece. After `corrupt` and `failed` it is missing, and may be committed again. */
export type CommitOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "corrupt" }
  | { readonly kind: "failed"; readonly error: AtError }

/** A full piece on its way from its slot into the files. */
export interface Commit {
  readonly piece: number
  readonly slot: Slot
  /** Nothing reads the slot from here on. Only the first call counts. */
  readonly settle: (outcome: CommitOutcome) => void
}

/** Bytes of a full batch, unless a single piece has more. */
const BATCH_BYTES = 2 ** 22
/** Full batches under way at a time: while one is hashed, others are written. */
const MAX_BATCHES = 4

/**
 * Small pieces go to the disk together: hashed in one message, noted in one append, written in one stretch where they
 * are neighbours. A full batch goes as soon as it may, a smaller one when nothing else is under way.
 */
export class CommitQueue {
  readonly #run: (batch: readonly Commit[]) => Promise<void>
  readonly #perBatch: number
  readonly #meter: Pick<CommitMeter, "now" | "settled">
  readonly #unsettled = new Map<number, Commit>()
  #waiting: Commit[] = []
  #batches = 0
  #planned = false
  readonly #onIdle: (() => void)[] = []

  /** `run` settles each commit of a batch, and never rejects. */
  constructor(
    pieceLength: number,
    meter: Pick<CommitMeter, "now" | "settled">,
    run: (batch: readonly Commit[]) => Promise<void>,
  ) {
    this.#meter = meter
    this.#perBatch = Math.max(1, Math.floor(BATCH_BYTES / pieceLength))
    this.#run = run
  }

  /** True while the piece is on its way. */
  has(piece: number): boolean {
    return this.#unsettled.has(piece)
  }

  /** The piece must not be on its way already. */
  add(piece: number, slot: Slot): Promise<CommitOutcome> {
    const since = this.#meter.now()
    return new Promise((resolve) => {
      const settle = (outcome: CommitOutcome): void => {
        if (this.#unsettled.get(piece) === commit) {
          this.#unsettled.delete(piece)
          this.#meter.settled(since)
        }
        resolve(outcome)
      }
      const commit = { piece, slot, settle }
      this.#unsettled.set(piece, commit)
      this.#waiting.push(commit)
      this.#plan()
    })
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#onIdle.push(resolve))
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#batches === 0
  }

  /** At the end of this turn, so that all pieces that became full in it go together. */
  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    queueMicrotask(() => {
      this.#planned = false
      this.#startBatches()
    })
  }

  #startBatches(): void {
    while (this.#waiting.length >= this.#perBatch && this.#batches < MAX_BATCHES) this.#start()
    if (this.#waiting.length > 0 && this.#batches === 0) this.#start()
  }

  #start(): void {
    const batch = this.#waiting.splice(0, this.#perBatch)
    this.#batches++
    void this.#run(batch).then(() => {
      this.#batches--
      this.#startBatches()
      if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve()
    })
  }
}
