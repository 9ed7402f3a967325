/**
 * What many users of memory may take together. One that has little is never refused, so that all go on, however much the others
 * hold: in all it is no more than `shared`, and `least` for each.
 */
export class SharedMemory {
  readonly #shared: number
  readonly #least: number
  #used = 0

  /** Bytes for all of them; and what each may have in any case. */
  constructor(shared: number, least: number) {
    this.#shared = shared
    this.#least = least
  }

  /** Bytes taken. */
  get used(): number {
    return this.#used
  }

  /** More than half of what is for all is taken: who only sits on some keeps others from going faster. */
  get isShort(): boolean {
    return this.#used > this.#shared / 2
  }

  /** Bytes that one who holds `own` may hold, those included, as long as others take no more. */
  limit(own: number): number {
    return Math.max(this.#least, own + this.#shared - this.#used)
  }

  /** Takes bytes; fewer than none gives some back. */
  take(bytes: number): void {
    this.#used += bytes
  }
}
