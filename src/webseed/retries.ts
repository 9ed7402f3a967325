/** Milliseconds before each new try after a cut, as long as the tries between bring little; then the run is given up. */
const DELAYS = [0, 1_000, 2_000]
/** Bytes: a request that brought as many was worth it, and the tries are counted anew. */
const PROGRESS = 64 * 1024

/** The tries of a run to go on where a request was cut. */
export class Retries {
  #cuts = 0

  /** A request was cut after `received` bytes. Milliseconds before the next try; undefined when they are used up. */
  cut(received: number): number | undefined {
    if (received >= PROGRESS) this.#cuts = 0
    return DELAYS[this.#cuts++]
  }

  /** A request was not cut. */
  reset(): void {
    this.#cuts = 0
  }
}
