/** Bytes; what is less than about a packet is said to be nothing, so that nobody sends by crumbs (RFC 1122, 4.2.3.3). */
const LEAST = 2048
/** ms until it is said again that a closed window is open; each time twice as long. */
const FIRST_REPEAT = 200
/** Times that it is repeated; the last 6 s after the one before. */
const REPEATS = 5

/**
 * What the other side knows of the window it has here. Where it was closed the word that it is open is repeated until data comes:
 * it may get lost, and then libtorrent waits for ever, libutp for 15 s.
 */
export class SaidWindow {
  #bytes: number
  #repeats = 0
  #interval = 0
  /** Clock time, ms. */
  #due = 0

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** Bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** So many bytes can be taken, which is said now, a clock time in ms. */
  say(bytes: number, now: number): void {
    const said = bytes < LEAST ? 0 : bytes
    if (said === 0) this.#repeats = 0
    else if (this.#bytes === 0) {
      this.#repeats = REPEATS
      this.#interval = FIRST_REPEAT
      this.#due = now + FIRST_REPEAT
    }
    this.#bytes = said
  }

  /** Data came: the other side knows that it may send, or will send it again until it hears of it. */
  used(): void {
    this.#repeats = 0
  }

  /** Whether it is time to say again that it is open. To be called often. */
  isDue(now: number): boolean {
    if (this.#repeats === 0 || now < this.#due) return false
    this.#repeats--
    this.#interval *= 2
    this.#due = now + this.#interval
    return true
  }
}
