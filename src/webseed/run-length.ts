const MiB = 1024 * 1024
/** A first answer soon, and a fault costs little. */
const FIRST = 4 * MiB
const SHORTEST = MiB
/** Beyond this a longer request saves nothing, and its tail is long in other sources' way. */
const LONGEST = 64 * MiB
/** Milliseconds: a run that takes longer is long enough to pay for its request, and better left to share with others. */
const QUICK = 4_000

/** How many bytes the next run from a web seed should have: more while runs pass quickly, fewer after faults. */
export class RunLength {
  #bytes = FIRST
  #endless = false

  /** At least 1 MiB; infinite where a run had better go on to the end. */
  get bytes(): number {
    return this.#endless ? Number.POSITIVE_INFINITY : this.#bytes
  }

  /** Whether each run costs what lies before it, so that one long run is the cheapest way. */
  set endless(endless: boolean) {
    this.#endless = endless
  }

  /** A run of `bytes` passed without fault in `duration` ms. */
  passed(bytes: number, duration: number): void {
    if (bytes >= this.#bytes && duration < QUICK) this.#bytes = Math.min(2 * this.#bytes, LONGEST)
  }

  faulted(): void {
    this.#bytes = Math.max(this.#bytes / 2, SHORTEST)
  }

  /** There were too many requests for the server: as many bytes in fewer of them. */
  tooMany(): void {
    this.#bytes = Math.min(2 * this.#bytes, LONGEST)
  }
}
