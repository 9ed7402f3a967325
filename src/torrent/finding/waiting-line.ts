/** Whoever has not asked for so long does not wait any more, ms. Askers come back every 250 ms. */
const FORGOTTEN_AFTER = 1_000

/** In what order those who wait for something scarce get it: who began to wait first is first. */
export class WaitingLine<T> {
  /** When each asked last, clock ms; in the order in which they began to wait. */
  #waiting = new Map<T, number>()

  /** Those who wait, and some who have just ceased to. */
  get size(): number {
    return this.#waiting.size
  }

  isWaiting(who: T): boolean {
    return this.#waiting.has(who)
  }

  /** Waits, from now on or still. */
  wait(who: T, now: number): void {
    this.#waiting.set(who, now)
  }

  /** Has had its turn, or wants none. Who waits again is last. */
  leave(who: T): void {
    this.#waiting.delete(who)
  }

  /** Is first from now on, of those who wait. */
  putFirst(who: T): void {
    const askedAt = this.#waiting.get(who)
    if (askedAt === undefined) return
    this.#waiting.delete(who)
    this.#waiting = new Map([[who, askedAt], ...this.#waiting])
  }

  /** Whether it gets one of `count`, when all before it have got one but those that `isServed`. */
  isIn(who: T, count: number, now: number, isServed: (other: T) => boolean): boolean {
    let before = 0
    for (const other of this.all(now)) {
      if (before >= count || other === who) break
      if (!isServed(other)) before++
    }
    return before < count
  }

  /** All who wait, in their order. */
  *all(now: number): Generator<T> {
    for (const [who, askedAt] of this.#waiting) {
      if (now - askedAt < FORGOTTEN_AFTER) yield who
      else this.#waiting.delete(who)
    }
  }
}
