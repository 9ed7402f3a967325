import type { Random } from "../ports/random.js"

/** Words drawn from the system at a time, so that `below` costs little. */
const WORDS = 1024

/** The system's cryptographic random numbers. */
export class NodeRandom implements Random {
  readonly #words = new Uint32Array(WORDS)
  #next = WORDS

  bytes(length: number): Uint8Array {
    return crypto().randomFillSync(new Uint8Array(length))
  }

  below(below: number): number {
    // Words above the last whole multiple of `below` are drawn again: otherwise small numbers would come more often.
    const usable = 2 ** 32 - (2 ** 32 % below)
    for (;;) {
      const word = this.#word()
      if (word < usable) return word % below
    }
  }

  #word(): number {
    if (this.#next === WORDS) {
      crypto().randomFillSync(this.#words)
      this.#next = 0
    }
    const word = this.#words[this.#next]!
    this.#words[this.#next++] = 0
    return word
  }
}

// Loaded when first needed: it takes milliseconds that a short command feels.
function crypto() {
  return process.getBuiltinModule("node:crypto")
}
