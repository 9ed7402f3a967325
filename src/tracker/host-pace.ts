/** ms between the starts of two requests. */
const SHORTEST_GAP = 250
const LONGEST_GAP = 8_000

/** Answers before a shorter gap is tried: twice as many each time that was in vain, since it may cost a long rest. */
const ENOUGH = 100
const MOST_ENOUGH = 800

/** So many torrents are forbidden before it is the host that forbids us. */
const SEVERAL = 5

/** Waits for a host that does not say how long, ms: twice as long each time in a row. */
const FIRST_REST = 60_000
const LONGEST_REST = 2 * 3_600_000

/** How fast a host may be asked, learnt from how it answers. */
export class HostPace {
  #gap = SHORTEST_GAP
  /** Since the gap changed. */
  #served = 0
  /** So many must have been served before it changes again. */
  #enough = ENOUGH
  /** In a row, without an answer between. */
  #rests = 0
  /** Torrents that it forbade without an answer between. */
  readonly #forbidden = new Set<string>()

  /** ms between the starts of two requests. */
  get gap(): number {
    return this.#gap
  }

  /** It did not find us too fast, or that is long ago. */
  get isFast(): boolean {
    return this.#gap === SHORTEST_GAP
  }

  /** Nothing is remembered of the host. */
  get isUsual(): boolean {
    return this.isFast && this.#rests === 0 && this.#forbidden.size === 0
  }

  /** It let a request through. */
  served(): void {
    this.#rests = 0
    this.#forbidden.clear()
    if (++this.#served < this.#enough) return
    this.#served = 0
    if (this.isFast) this.#enough = ENOUGH
    else this.#gap /= 2
  }

  /**
   * It finds us too fast, or is too busy.
   *
   * @returns for how long to leave it alone when it does not say that, ms
   */
  slowDown(): number {
    // Who says so again right after a rest does not mean the gap.
    if (this.#rests === 0) {
      this.#gap = Math.min(this.#gap * 2, LONGEST_GAP)
      this.#enough = Math.min(this.#enough * 2, MOST_ENOUGH)
      this.#served = 0
    }
    return this.#nextRest()
  }

  /**
   * It forbids us to announce a torrent.
   *
   * @returns for how long to leave it alone, ms; 0: it may be so for that torrent alone
   */
  forbidden(torrent: string): number {
    this.#forbidden.add(torrent)
    return this.#forbidden.size < SEVERAL ? 0 : this.#nextRest()
  }

  #nextRest(): number {
    return Math.min(FIRST_REST * 2 ** this.#rests++, LONGEST_REST)
  }
}
