import { setTimeout as sleep } from "node:timers/promises"

/** Holds a sender to a rate; one pacer may be shared by many connections. */
export class Pacer {
  /** Bytes a second; Infinity is no limit. */
  rate: number
  #free = 0

  constructor(rate: number = Number.POSITIVE_INFINITY) {
    this.rate = rate
  }

  /** Waits until `bytes` more may go out. Rejects when the signal fires. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.rate === Number.POSITIVE_INFINITY) return
    const now = performance.now()
    const start = Math.max(now, this.#free)
    this.#free = start + (bytes / this.rate) * 1000
    if (this.#free > now) await sleep(this.#free - now, undefined, { signal })
  }
}
