import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, StreamListener } from "../ports/net.js"
import { decodeHandshakeHead, HANDSHAKE_HEAD_LENGTH, startsLikeHandshake } from "../wire/handshake.js"

/** ms until the infohash must be in (libtorrent and rain: 10 s). */
const TIMEOUT = 10_000

export interface IncomingHandshakeOptions {
  readonly stream: ByteStream
  readonly clock: Clock
  /**
   * The infohash is in: finds who takes the connection over and hears its stream from here on. `received` (a copy) is
   * what has come so far, which the new listener does not hear again. Undefined: nobody, and it is closed.
   */
  readonly onInfoHash: (infoHash: Uint8Array, received: Uint8Array) => StreamListener | undefined
  /** It ended before the infohash was in. */
  readonly onClosed: () => void
}

/**
 * An accepted connection until it is known for which torrent it is: gathers the first 48 bytes of its handshake, within
 * 10 s, then passes everything on. It is the stream's listener from beginning to end.
 */
export class IncomingHandshake implements StreamListener {
  readonly #options: IncomingHandshakeOptions
  readonly #timer: Timer
  #received = new Uint8Array(0)
  #done = false
  #next: StreamListener | undefined

  constructor(options: IncomingHandshakeOptions) {
    this.#options = options
    this.#timer = options.clock.after(TIMEOUT, () => this.close())
  }

  /** Ends the connection if nobody has taken it over. */
  close(): void {
    if (this.#done) return
    this.#options.stream.destroy()
    this.#finish()
    this.#options.onClosed()
  }

  onOpen(): void {}

  onData(chunk: Uint8Array): void {
    if (this.#next !== undefined) this.#next.onData(chunk)
    else if (!this.#done) this.#gather(chunk)
  }

  onDrain(): void {
    this.#next?.onDrain()
  }

  onClose(error?: Error): void {
    if (this.#next === undefined) this.close()
    else this.#next.onClose(error)
  }

  #gather(chunk: Uint8Array): void {
    const received = new Uint8Array(this.#received.length + chunk.length)
    received.set(this.#received)
    received.set(chunk, this.#received.length)
    this.#received = received
    if (!startsLikeHandshake(received)) this.close()
    else if (received.length >= HANDSHAKE_HEAD_LENGTH) {
      this.#finish()
      this.#next = this.#options.onInfoHash(decodeHandshakeHead(received).infoHash, received)
      if (this.#next === undefined) this.#options.stream.destroy()
    }
  }

  #finish(): void {
    this.#done = true
    this.#received = new Uint8Array(0)
    this.#timer.cancel()
  }
}
