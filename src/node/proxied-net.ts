import type { Socket } from "node:net"
import { HeldWrites } from "../bytes/held-writes.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../ports/net.js"
import type { Place } from "../proxy/handshake.js"
import { normalizeIp } from "./ip.js"
import { hearEnd, plainBytes, SocketStream } from "./tcp.js"

export interface ProxiedNetOptions {
  /** For what needs no proxy. */
  readonly direct: Net
  isDirect(host: string): boolean
  /** Connects to a place through the proxy. @throws when there is no way there */
  open(place: Place, onOpen: (rest: Uint8Array) => void): Socket
}

/**
 * TCP through a proxy. Nobody can reach us, so there is no listening; and no name is resolved here: it stands for itself,
 * and the proxy resolves it.
 */
export class ProxiedNet implements Net {
  readonly #options: ProxiedNetOptions

  constructor(options: ProxiedNetOptions) {
    this.#options = options
  }

  connect(remote: Endpoint, listener: StreamListener): ByteStream {
    const { direct, isDirect } = this.#options
    if (isDirect(remote.host)) return direct.connect(remote, listener)
    const stream = new TunnelStream(remote)
    const socket = this.#open(remote, (rest) => {
      socket.on("data", (chunk) => listener.onData(plainBytes(chunk)))
      const hasRoom = stream.open(socket)
      listener.onOpen()
      if (hasRoom) listener.onDrain()
      if (rest.length > 0) socket.unshift(rest)
    })
    stream.opening = socket
    socket.once("close", () => stream.release())
    hearEnd(socket, listener)
    return stream
  }

  listen(): Promise<Listener> {
    return Promise.reject(new Error("behind a proxy there is no listening"))
  }

  async resolve(hostname: string): Promise<string[]> {
    const name = hostname.replace(/^\[(.*)\]$/, "$1")
    const { direct, isDirect } = this.#options
    if (isDirect(name)) return direct.resolve(name)
    return [process.getBuiltinModule("node:net").isIP(name) === 0 ? name : normalizeIp(name)]
  }

  #open(place: Place, onOpen: (rest: Uint8Array) => void): Socket {
    try {
      return this.#options.open(place, onOpen)
    } catch (error) {
      return new (process.getBuiltinModule("node:net").Socket)().destroy(error as Error)
    }
  }
}

/** Holds what is written, and the wish to pause, until the way through the proxy is open. */
class TunnelStream implements ByteStream {
  readonly remote: Endpoint
  /** Before it is open. */
  opening: Socket | undefined
  #stream: SocketStream | undefined
  readonly #held = new HeldWrites()
  #paused = false

  constructor(remote: Endpoint) {
    this.remote = remote
  }

  get bufferedBytes(): number {
    return this.#stream?.bufferedBytes ?? this.#held.bytes
  }

  /** Goes on with what was held. True when somebody waits for room, and there is some. */
  open(socket: Socket): boolean {
    const stream = new SocketStream(socket, this.remote)
    this.#stream = stream
    const hasRoom = this.#held.flush(stream)
    if (this.#paused) stream.pause()
    return hasRoom === true
  }

  /** It has ended: nothing that is held will ever be sent. */
  release(): void {
    this.#held.release()
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    if (this.#stream !== undefined) return this.#stream.write(chunk, onTaken)
    if (this.opening?.destroyed) onTaken?.()
    else this.#held.push(chunk, onTaken)
    return false
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
    this.opening?.destroy()
    this.release()
  }
}
