/** Bytes that may be read for a peer before it was sent any: more than is read ahead for who asks block after block. */
const MOST = 4 * 1024 * 1024
/** Bytes that may be read for each that is sent: it pays to read much where a few blocks of it are asked for. */
const PER_BYTE_SENT = 8

/**
 * How much more one peer may have us read from the disk than it is sent. It is earned by being sent something: a byte of each
 * extent, or requests that are taken back at once, would otherwise cost a peer nothing and keep our disk busy.
 */
export class ReadCredit {
  #left = MOST

  /** Bytes; less than none when what was read was taken back. */
  get left(): number {
    return this.#left
  }

  /**
   * It takes back again and again what was read for it. Not with the first that it takes back: who asks for blocks here and
   * there, as one may, has no credit left either.
   */
  get abused(): boolean {
    return this.#left < -MOST
  }

  spend(bytes: number): void {
    this.#left -= bytes
  }

  /** The peer was sent so many bytes. */
  earn(sent: number): void {
    this.#left = Math.min(MOST, this.#left + PER_BYTE_SENT * sent)
  }
}
