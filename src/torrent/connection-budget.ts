/** Connections of the whole process (libtorrent: 200). */
const MAX_CONNECTIONS = 200
/** Of these, so many are kept for those we open ourselves. */
const FOR_OUTGOING = 20
/** New ones a second, as a home router or a campus firewall bears (Transmission: 18, libtorrent: 30). */
const CONNECTS_PER_SECOND = 30

/** How many connections the torrents of one process may have, together. */
export class ConnectionBudget {
  #open = 0
  #windowStart = 0
  #inWindow = 0

  mayConnect(now: number): boolean {
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now
      this.#inWindow = 0
    }
    return this.#open < MAX_CONNECTIONS && this.#inWindow < CONNECTS_PER_SECOND
  }

  get mayAccept(): boolean {
    return this.#open < MAX_CONNECTIONS - FOR_OUTGOING
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
