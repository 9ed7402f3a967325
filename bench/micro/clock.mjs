/** Milliseconds that `work` takes. */
export function milliseconds(work) {
  const began = performance.now()
  work()
  return performance.now() - began
}

/** Adds up the time of many short stretches. */
export class Stopwatch {
  #total = 0
  #count = 0

  /** `work` does `count` operations. */
  time(count, work) {
    this.#total += milliseconds(work)
    this.#count += count
  }

  /** Nanoseconds an operation, as a row. */
  row(what) {
    return { what, value: (this.#total * 1e6) / this.#count, unit: "ns" }
  }
}
