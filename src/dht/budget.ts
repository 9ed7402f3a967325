/** So many bytes a second, and at most some seconds' worth at once. */
export class Budget {
  readonly #rate: number
  readonly #most: number
  #left: number
  #at: number

  /** `rate`: bytes a second; `burst`: seconds. */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate
    this.#most = rate * burst
    this.#left = this.#most
    this.#at = now
  }

  /** Takes `bytes` if there is anything left; a large message may leave a debt. */
  take(bytes: number, now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + ((now - this.#at) * this.#rate) / 1000)
    this.#at = now
    if (this.#left <= 0) return false
    this.#left -= bytes
    return true
  }
}
