import { LateStream } from "../bytes/late-stream.js"
import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint, Net, StreamListener } from "../ports/net.js"

/** Connects by uTP; undefined: it can't be tried. */
type ConnectUtp = (remote: Endpoint, listener: StreamListener) => ByteStream | undefined

export interface DialerOptions {
  readonly net: Net
  readonly clock: Clock
  /** Undefined: there is no uTP. */
  readonly utp: () => Promise<ConnectUtp | undefined>
}

/** The ways to a peer. */
export type Way = "tcp" | "utp"

/** A stream by TCP or uTP: that of the two attempts which opens first. */
export class DialedStream extends LateStream<ByteStream> implements ByteStream {
  readonly remote: Endpoint
  readonly #options: DialerOptions
  readonly #listener: StreamListener
  readonly #onOutcome: (way: Way, worked: boolean) => void
  readonly #attempts = new Set<ByteStream>()
  readonly #untried: Way[]
  readonly #secondTimer: Timer
  /** uTP is being loaded. */
  #loading = false
  #failure: Error | undefined
  #heard = false
  #closed = false

  /** `onOutcome`: a byte came, or the stream that stood ended without one. */
  constructor(
    options: DialerOptions,
    how: { remote: Endpoint; listener: StreamListener; ways: Way[]; secondDelay: number },
    onOutcome: (way: Way, worked: boolean) => void,
  ) {
    super()
    this.#options = options
    this.remote = how.remote
    this.#listener = how.listener
    this.#onOutcome = onOutcome
    this.#untried = how.ways
    this.#secondTimer = options.clock.after(how.secondDelay, () => this.#tryNext())
    this.#tryNext()
  }

  get utp(): boolean {
    return this.stream?.utp === true
  }

  get ownHost(): string | undefined {
    return this.stream?.ownHost
  }

  destroy(): void {
    if (this.stream !== undefined) this.stream.destroy()
    else if (!this.#closed) {
      this.#giveUp()
      this.#options.clock.after(0, () => this.#listener.onClose())
    }
  }

  #tryNext(): void {
    const way = this.#untried.shift()
    if (way === "tcp") this.#attempt(way, (listener) => this.#options.net.connect(this.remote, listener))
    if (way !== "utp") return
    this.#loading = true
    this.#options.utp().then(
      (connect) => {
        this.#loading = false
        if (this.#closed || this.stream !== undefined) return
        if (connect !== undefined) this.#attempt(way, (listener) => connect(this.remote, listener))
        if (this.#attempts.size === 0) this.#failed(undefined)
      },
      () => {},
    )
  }

  #attempt(way: Way, connect: (listener: StreamListener) => ByteStream | undefined): void {
    const stream = connect({
      onOpen: () => {
        if (stream !== undefined && this.#attempts.has(stream)) this.#open(stream)
      },
      onData: (chunk) => {
        if (!this.#heard) {
          this.#heard = true
          this.#onOutcome(way, true)
        }
        this.#listener.onData(chunk)
      },
      onDrain: () => this.#listener.onDrain(),
      onClose: (error) => {
        if (stream === undefined || !this.#attempts.delete(stream)) return
        if (stream !== this.stream) {
          this.#failed(error)
          return
        }
        if (!this.#heard) this.#onOutcome(way, false)
        this.#listener.onClose(error)
      },
    })
    if (stream !== undefined) this.#attempts.add(stream)
  }

  #open(stream: ByteStream): void {
    this.#secondTimer.cancel()
    for (const other of [...this.#attempts]) {
      if (other === stream) continue
      this.#attempts.delete(other)
      other.destroy()
    }
    this.begin(stream)
    this.#listener.onOpen()
  }

  #failed(error: Error | undefined): void {
    this.#failure ??= error
    this.#secondTimer.cancel()
    if (this.#untried.length > 0) this.#tryNext()
    else if (this.#attempts.size === 0 && !this.#loading) {
      this.#giveUp()
      this.#listener.onClose(this.#failure ?? new Error("no connection could be made"))
    }
  }

  #giveUp(): void {
    this.#closed = true
    this.#secondTimer.cancel()
    for (const attempt of [...this.#attempts]) {
      this.#attempts.delete(attempt)
      attempt.destroy()
    }
    this.fail()
  }
}
