/** Connections of the whole process, unless told otherwise (libtorrent: 200). */
const MAX_CONNECTIONS = 200
/** This part of them is kept for those we open ourselves. */
const FOR_OUTGOING = 0.1
/** New ones a second, as a home router or a campus firewall bears (Transmission: 18, libtorrent: 30). */
const CONNECTS_PER_SECOND = 30

/** How many connections the torrents of one process may have, together. */
export class ConnectionBudget {
  readonly #most: number
  #open = 0
  #windowStart = 0
  #inWindow = 0

  /** `most`: connections at a time, at least 1. */
  constructor(most = MAX_CONNECTIONS) {
    this.#most = most
  }

  mayConnect(now: number): boolean {
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now
      this.#inWindow = 0
    }
    return this.#open < this.#most && this.#inWindow < CONNECTS_PER_SECOND
  }

  get mayAccept(): boolean {
    return this.#open < this.#most - Math.floor(this.#most * FOR_OUTGOING)
  }

  opened(now: number): void {
    this.mayConnect(now)
    this.#open++
    this.#inWindow++
  }

  accepted(): void {
    this.#open++
  }

  closed(): void {
    this.#open--
  }
}
