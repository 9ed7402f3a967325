/** What is under way, and what new work has to wait for. */
export class WorkGate {
  /** Replaced when there is more to wait for. */
  #open: Promise<unknown>
  readonly #underWay = new Set<Promise<unknown>>()

  /** Nothing begins before `open` is fulfilled; if it is rejected, nothing ever does. */
  constructor(open: Promise<void>) {
    this.#open = open
    open.catch(() => {})
  }

  /** Waits until work may begin. Rejects if it never may. */
  async pass(): Promise<void> {
    for (let open = this.#open; ; open = this.#open) {
      await open
      if (open === this.#open) return
    }
  }

  /** `idle` waits for it. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work)
    const done = (): void => {
      this.#underWay.delete(work)
    }
    work.then(done, done)
    return work
  }

  /** New work waits for this, however it ends. */
  shutFor(work: Promise<unknown>): void {
    const before = this.#open
    this.#open = work.then(
      () => before,
      () => before,
    )
    this.#open.catch(() => {})
  }

  /** Does `work` when it may begin and what was tracked before has ended. What passes from now on waits for it. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    // Not `idle`: there may be always something under way that does not pass here.
    const result = this.#open.then(() => Promise.allSettled(this.#underWay)).then(work)
    this.shutFor(result)
    return result
  }

  /** Nothing that was tracked is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
  }
}
