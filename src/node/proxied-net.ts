import type { Socket } from "node:net"
import { LateStream } from "../bytes/late-stream.js"
import { withoutBrackets } from "../bytes/url.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../ports/net.js"
import type { Place } from "../proxy/handshake.js"
import { normalizeIp } from "./ip.js"
import { hearEnd, plainBytes, SocketStream } from "./tcp.js"
import type { OnOpen } from "./tunnel.js"

const NO_PROXY_FOR_PEERS = "there is no proxy for peers"

export interface ProxiedNetOptions {
  /** For what needs no proxy. */
  readonly direct: Net
  isDirect(host: string): boolean
  /** Connects to a place through the proxy; undefined: there is none. @throws when there is no way there */
  readonly open: ((place: Place, onOpen: OnOpen) => Socket) | undefined
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
    const hear = (socket: Socket): void => {
      stream.socket = socket
      socket.once("close", () => stream.closed())
      hearEnd(socket, listener)
    }
    const opening = this.#open(remote, (socket, rest) => {
      hear(socket)
      socket.on("data", (chunk) => listener.onData(plainBytes(chunk)))
      stream.opened(socket)
      listener.onOpen()
      if (rest.length > 0) socket.unshift(rest)
    })
    hear(opening)
    return stream
  }

  listen(): Promise<Listener> {
    return Promise.reject(new Error("behind a proxy there is no listening"))
  }

  async resolve(hostname: string): Promise<string[]> {
    const name = withoutBrackets(hostname)
    const { direct, isDirect, open } = this.#options
    if (isDirect(name)) {
      const addresses = await direct.resolve(name)
      const reached = open === undefined ? addresses.filter(isDirect) : addresses
      if (reached.length === 0) throw new Error(`${NO_PROXY_FOR_PEERS}, and NO_PROXY does not cover ${addresses[0]}`)
      return reached
    }
    if (open === undefined) throw new Error(`${NO_PROXY_FOR_PEERS}, and NO_PROXY does not cover it`)
    return [process.getBuiltinModule("node:net").isIP(name) === 0 ? name : normalizeIp(name)]
  }

  #open(place: Place, onOpen: OnOpen): Socket {
    const { open } = this.#options
    try {
      if (open === undefined) throw new Error(NO_PROXY_FOR_PEERS)
      return open(place, onOpen)
    } catch (error) {
      return new (process.getBuiltinModule("node:net").Socket)().destroy(error as Error)
    }
  }
}

/** A stream whose way through the proxy is still being opened. */
class TunnelStream extends LateStream<SocketStream> implements ByteStream {
  readonly remote: Endpoint
  /** The way, or what stands for it. */
  socket: Socket | undefined

  constructor(remote: Endpoint) {
    super()
    this.remote = remote
  }

  get ownHost(): string | undefined {
    return this.stream?.ownHost
  }

  opened(socket: Socket): void {
    this.begin(new SocketStream(socket, this.remote))
  }

  closed(): void {
    this.fail()
  }

  destroy(): void {
    this.socket?.destroy()
    this.fail()
  }
}
