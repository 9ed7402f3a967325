import type { Clock, Timer } from "../ports/clock.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../ports/net.js"

/** ms until uTP is tried besides a TCP connection that is still being made. */
const UTP_DELAY = 2500

/** Connects by uTP; undefined: it can't be tried. */
export type ConnectUtp = (remote: Endpoint, listener: StreamListener) => ByteStream | undefined

export interface DialerOptions {
  readonly net: Net
  readonly clock: Clock
  /** Undefined: there is no uTP. */
  readonly utp: () => Promise<ConnectUtp | undefined>
}

/** The network with uTP (BEP 29) for peers that TCP does not reach. TCP is faster where both work, so it comes first. */
export class Dialer implements Net {
  readonly #options: DialerOptions

  constructor(options: DialerOptions) {
    this.#options = options
  }

  connect(remote: Endpoint, listener: StreamListener): ByteStream {
    return new DialedStream(this.#options, remote, listener)
  }

  listen(options: { port: number; host?: string }, accept: (stream: ByteStream) => StreamListener): Promise<Listener> {
    return this.#options.net.listen(options, accept)
  }

  resolve(hostname: string): Promise<string[]> {
    return this.#options.net.resolve(hostname)
  }
}

/** A stream that is the first of several attempts to be open. */
class DialedStream implements ByteStream {
  readonly remote: Endpoint
  readonly #options: DialerOptions
  readonly #listener: StreamListener
  readonly #attempts = new Set<ByteStream>()
  readonly #written: { readonly chunk: Uint8Array; readonly onTaken: (() => void) | undefined }[] = []
  readonly #utpTimer: Timer
  #stream: ByteStream | undefined
  #utp: "untried" | "loading" | "tried" = "untried"
  #failure: Error | undefined
  #paused = false
  #closed = false

  constructor(options: DialerOptions, remote: Endpoint, listener: StreamListener) {
    this.#options = options
    this.remote = remote
    this.#listener = listener
    this.#utpTimer = options.clock.after(UTP_DELAY, () => this.#tryUtp())
    this.#attempt((heard) => options.net.connect(remote, heard))
  }

  get bufferedBytes(): number {
    return this.#stream?.bufferedBytes ?? this.#written.reduce((sum, { chunk }) => sum + chunk.length, 0)
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#stream !== undefined) return this.#stream.write(chunk, onTaken)
    if (this.#closed) {
      onTaken?.()
      return false
    }
    this.#written.push({ chunk, onTaken })
    return true
  }

  pause(): void {
    this.#paused = true
    this.#stream?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#stream?.resume()
  }

  destroy(): void {
    if (this.#stream !== undefined) this.#stream.destroy()
    else if (!this.#closed) {
      this.#giveUp()
      this.#options.clock.after(0, () => this.#listener.onClose())
    }
  }

  #attempt(connect: (listener: StreamListener) => ByteStream | undefined): void {
    const stream = connect({
      onOpen: () => {
        if (stream !== undefined && this.#attempts.has(stream)) this.#open(stream)
      },
      onData: (chunk) => this.#listener.onData(chunk),
      onDrain: () => this.#listener.onDrain(),
      onClose: (error) => {
        if (stream === undefined || !this.#attempts.delete(stream)) return
        if (stream === this.#stream) this.#listener.onClose(error)
        else this.#failed(error)
      },
    })
    if (stream !== undefined) this.#attempts.add(stream)
  }

  #open(stream: ByteStream): void {
    this.#stream = stream
    this.#utpTimer.cancel()
    for (const other of [...this.#attempts]) {
      if (other === stream) continue
      this.#attempts.delete(other)
      other.destroy()
    }
    if (this.#paused) stream.pause()
    for (const { chunk, onTaken } of this.#written.splice(0)) stream.write(chunk, onTaken)
    this.#listener.onOpen()
  }

  #failed(error: Error | undefined): void {
    // What TCP says is what the user can do something about.
    this.#failure ??= error
    if (this.#utp === "untried") this.#tryUtp()
    else if (this.#utp === "tried" && this.#attempts.size === 0) this.#fail()
  }

  #tryUtp(): void {
    if (this.#utp !== "untried") return
    this.#utp = "loading"
    this.#utpTimer.cancel()
    this.#options.utp().then(
      (connect) => {
        if (this.#closed || this.#stream !== undefined) return
        this.#utp = "tried"
        if (connect !== undefined) this.#attempt((listener) => connect(this.remote, listener))
        if (this.#attempts.size === 0) this.#fail()
      },
      () => {},
    )
  }

  #fail(): void {
    this.#giveUp()
    this.#listener.onClose(this.#failure ?? new Error("no connection could be made"))
  }

  #giveUp(): void {
    this.#closed = true
    this.#utpTimer.cancel()
    for (const attempt of [...this.#attempts]) {
      this.#attempts.delete(attempt)
      attempt.destroy()
    }
    for (const { onTaken } of this.#written.splice(0)) onTaken?.()
  }
}
