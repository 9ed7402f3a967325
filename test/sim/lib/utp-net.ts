import type { Clock } from "../../../src/ports/clock.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../../../src/ports/net.js"
import type { Random } from "../../../src/ports/random.js"
import type { Udp } from "../../../src/ports/udp.js"
import { UdpPort } from "../../../src/session/udp-port.js"
import { UtpSocket, type UtpSocketOptions } from "../../../src/utp/socket.js"
import { networkError } from "./addresses.js"

/** What all connections together may keep. */
export type UtpMemory = Pick<UtpSocketOptions, "receiveMemory" | "sendMemory">
type Accept = (stream: ByteStream) => StreamListener

interface Place {
  readonly port: UdpPort
  readonly socket: UtpSocket
  listening: boolean
}

/** uTP alone, behind the port for TCP: what is promised for streams is tested on it. */
export class UtpNet implements Net {
  readonly #machine: { readonly clock: Clock; readonly random: Random; readonly udp: Udp }
  readonly #memory: UtpMemory
  readonly #places = new Map<number, Place>()
  #own: Place | undefined

  constructor(machine: { clock: Clock; random: Random; udp: Udp }, memory: UtpMemory = {}) {
    this.#machine = machine
    this.#memory = memory
  }

  /** Opens the port that connections go out from; to be called first. */
  async open(port = 0): Promise<this> {
    this.#own = await this.#open(port)
    return this
  }

  get socket(): UtpSocket {
    return this.#own!.socket
  }

  get port(): UdpPort {
    return this.#own!.port
  }

  connect(remote: Endpoint, listener: StreamListener): ByteStream {
    const stream = /^[\d.]+$|:/.test(remote.host) ? this.#own?.socket.connect(remote, listener) : undefined
    if (stream !== undefined) return stream
    this.#machine.clock.after(0, () => listener.onClose(new Error("can't connect")))
    const nothing = () => {}
    return { remote, bufferedBytes: 0, write: () => false, pause: nothing, resume: nothing, destroy: nothing }
  }

  async listen({ port, host }: { port: number; host?: string }, accept: Accept): Promise<Listener> {
    const taken = this.#places.get(port)
    if (taken?.listening === true) throw networkError("EADDRINUSE", `port ${port} is taken`)
    const place = taken ?? (await this.#open(port))
    place.listening = true
    const refused = (stream: ByteStream) =>
      host !== undefined && host.includes(":") !== stream.remote.host.includes(":")
    place.socket.listen((stream) => (refused(stream) ? undefined : accept(stream)))
    return {
      port: place.port.port,
      close: async () => {
        place.listening = false
        place.socket.listen(undefined)
      },
    }
  }

  async resolve(hostname: string): Promise<string[]> {
    return [hostname === "localhost" ? "127.0.0.1" : hostname]
  }

  async close(): Promise<void> {
    for (const { socket, port } of this.#places.values()) {
      socket.close()
      await port.close()
    }
  }

  async #open(number: number): Promise<Place> {
    const { clock, random, udp } = this.#machine
    const port = await UdpPort.open(udp, number)
    const send = (datagram: Uint8Array, to: Endpoint) => port.send(datagram, to)
    const socket = new UtpSocket({ clock, random, send, ...this.#memory })
    const place = { port, socket, listening: false }
    port.handle("utp", (datagram, from) => socket.receive(datagram, from))
    this.#places.set(port.port, place)
    return place
  }
}
