import type { Timer } from "../ports/clock.js"
import type { ByteStream, Net, StreamListener } from "../ports/net.js"
import type { Platform } from "../ports/platform.js"
import type { UtpSocket } from "../utp/socket.js"
import { Dialer } from "./dialer.js"
import type { UdpPort } from "./udp-port.js"

/** ms until connections by uTP are accepted, so that short downloads need not load it. */
const START = 1000

export interface UtpTransportOptions {
  readonly platform: Pick<Platform, "clock" | "random" | "net" | "log">
  readonly udpPort: () => Promise<UdpPort>
  readonly accept: (stream: ByteStream) => StreamListener
}

/** uTP of a session: loaded when a peer needs it, or a second after the start. */
export class UtpTransport {
  /** TCP, and uTP for peers that it does not reach. */
  readonly net: Net
  readonly #options: UtpTransportOptions
  readonly #startTimer: Timer
  #socket: Promise<UtpSocket | undefined> | undefined
  #closed = false

  constructor(options: UtpTransportOptions) {
    const { clock, net } = options.platform
    this.#options = options
    this.#startTimer = clock.after(START, () => this.start())
    this.net = new Dialer({
      net,
      clock,
      utp: async () => {
        const socket = await this.#open()
        return socket && ((remote, listener) => socket.connect(remote, listener))
      },
    })
  }

  /** Accepts connections at once. */
  start(): void {
    this.#startTimer.cancel()
    void this.#open()
  }

  /** To be called before the UDP port is closed: the other sides are told. */
  async close(): Promise<void> {
    this.#closed = true
    this.#startTimer.cancel()
    const socket = await this.#socket
    socket?.close()
  }

  #open(): Promise<UtpSocket | undefined> {
    this.#socket ??= this.#load().catch((error: unknown) => {
      this.#options.platform.log.log("debug", "session", `there is no uTP: ${String(error)}`)
      return undefined
    })
    return this.#socket
  }

  async #load(): Promise<UtpSocket | undefined> {
    const { platform, udpPort, accept } = this.#options
    if (this.#closed) return undefined
    const [{ UtpSocket }, port] = await Promise.all([import("../utp/socket.js"), udpPort()])
    if (this.#closed) return undefined
    const { clock, random } = platform
    const socket = new UtpSocket({ clock, random, send: (datagram, to) => port.send(datagram, to) })
    socket.listen(accept)
    port.handle("utp", (datagram, from) => socket.receive(datagram, from))
    return socket
  }
}
