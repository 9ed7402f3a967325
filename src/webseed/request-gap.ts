/** ms between two requests, when a server first finds them too many. */
const FIRST_GAP = 200
/** What each refusal makes of the gap, and each answer: what the server permits is found from below. */
const GROWTH = 1.5
const SHRINKING = 0.97
/** ms: below it there is no gap, and above it no pace that is worth finding. */
const SHORTEST_GAP = 10
const LONGEST_GAP = 8_000

/**
 * The pace of requests to a server that limits how many are made a second (nginx's `limit_req`) and does not say when to come
 * back: it serves and refuses by turns, so that a long pause after each refusal would be most of the time.
 */
export class RequestGap {
  #gap = 0
  /** When the next request may be sent, clock ms. */
  #nextAt = 0

  /** No limit is known. */
  get isFree(): boolean {
    return this.#gap === 0
  }

  /** ms until the next request may be sent. */
  wait(now: number): number {
    return this.isFree ? 0 : Math.max(this.#nextAt - now, 0)
  }

  sent(now: number): void {
    this.#nextAt = now + this.#gap
  }

  served(): void {
    this.#gap *= SHRINKING
    if (this.#gap < SHORTEST_GAP) this.#gap = 0
  }

  /** A request was too many. False when no gap helps: then it is not the pace that the server minds. */
  refused(now: number): boolean {
    this.#gap = this.isFree ? FIRST_GAP : this.#gap * GROWTH
    if (this.#gap > LONGEST_GAP) this.#gap = 0
    this.#nextAt = now + this.#gap
    return !this.isFree
  }
}
