/** Milliseconds without a byte before a request fails (libtorrent's urlseed_timeout). */
export const IDLE_TIMEOUT = 20_000
const LONGEST = 300_000
/** Milliseconds: a server that begins to answer sooner needs no more than others. */
const QUICK = 10_000

/** How long a server is given until its answer begins: tapes, cold caches and scanners for viruses need minutes. */
export class HeadPatience {
  #milliseconds = IDLE_TIMEOUT
  #isEasy = false

  /** For the next request. */
  get milliseconds(): number {
    return this.#milliseconds
  }

  /** The last answer began soon. */
  get isEasy(): boolean {
    return this.#isEasy
  }

  /** Nothing came within `waited` milliseconds. Several requests that fail together are one failure. */
  ranOut(waited: number): void {
    this.#isEasy = false
    this.#milliseconds = Math.max(this.#milliseconds, Math.min(2 * waited, LONGEST))
  }

  /** An answer began after `waited` milliseconds. */
  wasEnough(waited: number): void {
    this.#isEasy = waited < QUICK
    if (this.#isEasy) this.#milliseconds = IDLE_TIMEOUT
  }
}
