/** Times between two ticks that the work is done at the end of the turn; then it waits for the tick. */
const EAGER = 4

/**
 * Work that many small messages ask for: done once, at the end of the turn, however often it was asked for. Who floods
 * us with such messages gets it done a few times, and then once a tick.
 */
export class Soon {
  readonly #work: () => void
  #asked = false
  #done = 0

  constructor(work: () => void) {
    this.#work = work
  }

  ask(): void {
    if (this.#asked) return
    this.#asked = true
    if (this.#done < EAGER) queueMicrotask(() => this.#do())
  }

  /** To be called every 250 ms. */
  tick(): void {
    this.#done = 0
    this.#do()
  }

  #do(): void {
    if (!this.#asked) return
    this.#asked = false
    this.#done++
    this.#work()
  }
}
