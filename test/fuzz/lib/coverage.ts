/** Branches that are told apart; the engine has some thousands. */
const BRANCHES = 1 << 14

declare global {
  /** One for each branch: `instrument.js` makes the code count. */
  var __fuzzCounters: Uint8Array
}

globalThis.__fuzzCounters = new Uint8Array(BRANCHES)

/** Which branches inputs have taken, and about how often. Without instrumented code there are never news. */
export class Coverage {
  readonly #counters = globalThis.__fuzzCounters
  /** A bit for each order of magnitude. */
  readonly #seen = new Uint8Array(BRANCHES)

  /** Before an input. */
  begin(): void {
    this.#counters.fill(0)
  }

  /** After it: whether it went where none has gone before. */
  hadNews(): boolean {
    let news = false
    for (let at = 0; at < BRANCHES; at++) {
      const count = this.#counters[at]!
      if (count === 0) continue
      const bit = 1 << Math.min(7, 31 - Math.clz32(count))
      if ((this.#seen[at]! & bit) !== 0) continue
      this.#seen[at]! |= bit
      news = true
    }
    return news
  }

  /** Branches taken by any input. */
  get branches(): number {
    return this.#seen.reduce((sum, seen) => sum + (seen === 0 ? 0 : 1), 0)
  }
}
