import type { AtError } from "../errors.js"

/** Those who wait for a torrent to be complete. */
export class Completion {
  readonly #waiters = new Set<{ resolve: () => void; reject: (error: AtError) => void }>()

  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.add({ resolve, reject }))
  }

  reached(): void {
    for (const waiter of this.#waiters) waiter.resolve()
    this.#waiters.clear()
  }

  failed(error: AtError): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
