/** A binary heap of values keyed by numbers, smallest first; equal keys come out in no certain order. For deadlines. */
export class MinHeap<T> {
  readonly #keys: number[] = []
  readonly #values: T[] = []

  get size(): number {
    return this.#keys.length
  }

  /** The smallest key; undefined when empty. */
  get minKey(): number | undefined {
    return this.#keys[0]
  }

  /** The value with the smallest key; undefined when empty. */
  peek(): T | undefined {
    return this.#values[0]
  }

  push(key: number, value: T): void {
    let hole = this.#keys.length
    this.#keys.push(key)
    this.#values.push(value)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      if (this.#keys[parent]! <= key) break
      this.#move(parent, hole)
      hole = parent
    }
    this.#keys[hole] = key
    this.#values[hole] = value
  }

  /** Takes out the value with the smallest key; undefined when empty. */
  pop(): T | undefined {
    if (this.#keys.length === 0) return undefined
    const top = this.#values[0]
    const key = this.#keys.pop()!
    const value = this.#values.pop()!
    if (this.#keys.length > 0) this.#sink(key, value)
    return top
  }

  clear(): void {
    this.#keys.length = 0
    this.#values.length = 0
  }

  /** Puts an entry in at the top, and down to its place. */
  #sink(key: number, value: T): void {
    const size = this.#keys.length
    let hole = 0
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && this.#keys[child + 1]! < this.#keys[child]!) child++
      if (this.#keys[child]! >= key) break
      this.#move(child, hole)
      hole = child
    }
    this.#keys[hole] = key
    this.#values[hole] = value
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from]!
    this.#values[to] = this.#values[from]!
  }
}
