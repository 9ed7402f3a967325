const FIRST_CAPACITY = 64

/** 2^32 divided by the golden ratio: spreads keys that follow one another (Knuth, multiplicative hashing). */
const SPREAD = 0x9e3779b1

/**
 * Requests that wait for an answer, in the order in which they were made: a key and a number each. What is done for every
 * block is O(1), or a short walk, and allocates nothing once it has grown.
 *
 * Entries lie in parallel arrays, linked in order; an open-addressing table finds them by key. Links and table slots hold
 * an entry's index + 1, so that 0 is "no entry".
 */
export class RequestTable {
  #capacity = FIRST_CAPACITY
  #keys = new Float64Array(FIRST_CAPACITY)
  #values = new Float64Array(FIRST_CAPACITY)
  #next = new Int32Array(FIRST_CAPACITY)
  #previous = new Int32Array(FIRST_CAPACITY)
  /** Twice as many as entries, so that probes stay short. */
  #slots = new Int32Array(2 * FIRST_CAPACITY)
  #first = 0
  #last = 0
  /** Entries that were freed, linked by `#next`. */
  #freed = 0
  /** Entries ever used: those above are fresh. */
  #used = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The number of the oldest entry. */
  get firstValue(): number | undefined {
    return this.#first === 0 ? undefined : this.#values[this.#first - 1]
  }

  /** The key that so many others are before; O(place). */
  keyAt(place: number): number | undefined {
    let entry = this.#first
    for (let before = 0; before < place && entry !== 0; before++) entry = this.#next[entry - 1]!
    return entry === 0 ? undefined : this.#keys[entry - 1]
  }

  has(key: number): boolean {
    return this.#slots[this.#find(key)] !== 0
  }

  get(key: number): number | undefined {
    const entry = this.#slots[this.#find(key)]!
    return entry === 0 ? undefined : this.#values[entry - 1]
  }

  /** `key` is a whole number from 0 to 2^53. False, and nothing done, when it is there already. */
  add(key: number, value: number): boolean {
    if (this.#size === this.#capacity) this.#grow()
    const slot = this.#find(key)
    if (this.#slots[slot] !== 0) return false
    let entry = this.#freed
    if (entry === 0) entry = ++this.#used
    else this.#freed = this.#next[entry - 1]!
    this.#slots[slot] = entry
    this.#keys[entry - 1] = key
    this.#values[entry - 1] = value
    this.#next[entry - 1] = 0
    this.#previous[entry - 1] = this.#last
    if (this.#last === 0) this.#first = entry
    else this.#next[this.#last - 1] = entry
    this.#last = entry
    this.#size++
    return true
  }

  /** The entry's number; undefined when there was none. */
  delete(key: number): number | undefined {
    const slot = this.#find(key)
    const entry = this.#slots[slot]!
    if (entry === 0) return undefined
    this.#vacate(slot)
    const next = this.#next[entry - 1]!
    const previous = this.#previous[entry - 1]!
    if (previous === 0) this.#first = next
    else this.#next[previous - 1] = next
    if (next === 0) this.#last = previous
    else this.#previous[next - 1] = previous
    this.#next[entry - 1] = this.#freed
    this.#freed = entry
    this.#size--
    return this.#values[entry - 1]
  }

  /** The keys at this moment, oldest first. */
  keys(): number[] {
    const keys: number[] = []
    for (let entry = this.#first; entry !== 0; entry = this.#next[entry - 1]!) keys.push(this.#keys[entry - 1]!)
    return keys
  }

  /** The slot that holds the key, or the empty one where it belongs. */
  #find(key: number): number {
    const mask = this.#slots.length - 1
    let slot = this.#home(key)
    for (;;) {
      const entry = this.#slots[slot]!
      if (entry === 0 || this.#keys[entry - 1] === key) return slot
      slot = (slot + 1) & mask
    }
  }

  #home(key: number): number {
    const low = key | 0
    const high = (key / 2 ** 32) | 0
    return (Math.imul(low ^ high, SPREAD) >>> 8) & (this.#slots.length - 1)
  }

  /** Empties a slot and moves back those behind it that were pushed on by it: no tombstones. */
  #vacate(slot: number): void {
    const mask = this.#slots.length - 1
    let hole = slot
    for (let at = (slot + 1) & mask; this.#slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(this.#keys[this.#slots[at]! - 1]!)
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      this.#slots[hole] = this.#slots[at]!
      hole = at
    }
    this.#slots[hole] = 0
  }

  #grow(): void {
    const keys = this.keys()
    const values = keys.map((key) => this.get(key)!)
    this.#capacity *= 2
    this.#keys = new Float64Array(this.#capacity)
    this.#values = new Float64Array(this.#capacity)
    this.#next = new Int32Array(this.#capacity)
    this.#previous = new Int32Array(this.#capacity)
    this.#slots = new Int32Array(2 * this.#capacity)
    this.#first = this.#last = this.#freed = this.#used = this.#size = 0
    for (const [i, key] of keys.entries()) this.add(key, values[i]!)
  }
}
