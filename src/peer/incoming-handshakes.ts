import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, StreamListener } from "../ports/net.js"
import { decodeHandshakeHead, HANDSHAKE_HEAD_LENGTH, startsLikeHandshake } from "../wire/handshake.js"

/** ms until the infohash must be in (libtorrent and rain: 10 s). */
const TIMEOUT = 10_000
/** Accepted connections that have not said yet what they want (rqbit: 256). */
const MAX_WAITING = 256

/**
 * Finds the torrent that a connection is for and lets it take over: the listener that hears the stream from here on,
 * with `received` already taken (a copy); undefined when nobody has that torrent.
 */
export type RouteIncoming = (
  infoHash: Uint8Array,
  stream: ByteStream,
  received: Uint8Array,
) => StreamListener | undefined

/** Accepted connections until their infohash is known. */
export class IncomingHandshakes {
  readonly #clock: Clock
  readonly #route: RouteIncoming
  readonly #waiting = new Set<IncomingHandshake>()

  constructor(options: { clock: Clock; route: RouteIncoming }) {
    this.#clock = options.clock
    this.#route = options.route
  }

  /** Connections whose infohash is still to come. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** For {@link Net.listen}. When too many wait, the one that waited longest is closed. */
  accept(stream: ByteStream): StreamListener {
    if (this.#waiting.size >= MAX_WAITING) for (const oldest of this.#waiting) return this.#replace(oldest, stream)
    return this.#add(stream)
  }

  /** Closes all that wait. */
  close(): void {
    for (const handshake of this.#waiting) handshake.abandon()
  }

  #replace(oldest: IncomingHandshake, stream: ByteStream): StreamListener {
    oldest.abandon()
    return this.#add(stream)
  }

  #add(stream: ByteStream): StreamListener {
    const handshake = new IncomingHandshake(stream, this.#clock, this.#route, () => this.#waiting.delete(handshake))
    this.#waiting.add(handshake)
    return handshake
  }
}

/** One accepted connection: gathers the head of its handshake, then passes all on to whom it is for. */
class IncomingHandshake implements StreamListener {
  readonly #stream: ByteStream
  readonly #route: RouteIncoming
  readonly #onDone: () => void
  readonly #timer: Timer
  #received = new Uint8Array(0)
  #done = false
  #next: StreamListener | undefined

  constructor(stream: ByteStream, clock: Clock, route: RouteIncoming, onDone: () => void) {
    this.#stream = stream
    this.#route = route
    this.#onDone = onDone
    this.#timer = clock.after(TIMEOUT, () => this.abandon())
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
    this.#finish()
    this.#next?.onClose(error)
  }

  /** Nobody wants it. */
  abandon(): void {
    this.#finish()
    this.#stream.destroy()
  }

  #gather(chunk: Uint8Array): void {
    const received = new Uint8Array(this.#received.length + chunk.length)
    received.set(this.#received)
    received.set(chunk, this.#received.length)
    this.#received = received
    if (!startsLikeHandshake(received)) this.abandon()
    else if (received.length >= HANDSHAKE_HEAD_LENGTH) this.#handOver(received)
  }

  #handOver(received: Uint8Array): void {
    this.#finish()
    const { infoHash } = decodeHandshakeHead(received)
    this.#next = this.#route(infoHash, this.#stream, received)
    if (this.#next === undefined) this.#stream.destroy()
  }

  #finish(): void {
    if (this.#done) return
    this.#done = true
    this.#received = new Uint8Array(0)
    this.#timer.cancel()
    this.#onDone()
  }
}
