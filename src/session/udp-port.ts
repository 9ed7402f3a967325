import { type Family, familyOf } from "../bytes/ip.js"
import type { Endpoint } from "../ports/net.js"
import type { Udp, UdpSocket } from "../ports/udp.js"

/**
 * The protocols that share a UDP port. The first byte tells them apart: KRPC (BEP 5) is a bencoded dictionary and begins
 * with `d`, uTP (BEP 29) with a type of 0 to 4 in the high half and the version, 1, in the low one.
 */
export type UdpProtocol = "krpc" | "utp"

/** `datagram` is the callee's to keep. */
export type UdpHandler = (datagram: Uint8Array, from: Endpoint) => void

/** "d" */
const DICTIONARY = 0x64
const UTP_VERSION = 1
/**
 * Bytes for what comes while we do something else. By default Linux keeps 208 KiB, which are some 90 full datagrams by its count,
 * 5 ms at 200 Mbit/s: each time we are away for longer, uTP's other sides find packets lost and halve their windows. This
 * holds a connection's whole window, which weighs twice as much in the kernel.
 */
const RECEIVE_BUFFER = 4 * 1024 * 1024
const LAST_UTP_TYPE = 4

/** One UDP port of this process, in both address families where the machine has them, shared by several protocols. */
export class UdpPort {
  readonly #sockets = new Map<Family, UdpSocket>()
  readonly #handlers = new Map<UdpProtocol, UdpHandler>()
  #port: number

  private constructor(port: number) {
    this.#port = port
  }

  /**
   * Opens `port`, or any free one for 0. IPv6 is left out where it can't be had at the same number.
   * @throws when the port can't be had
   */
  static async open(udp: Udp, port: number): Promise<UdpPort> {
    const opened = new UdpPort(port)
    await opened.#open(udp, 4)
    await opened.#open(udp, 6).catch(() => {})
    return opened
  }

  get port(): number {
    return this.#port
  }

  /** Whether datagrams of this family can be sent. */
  speaks(family: Family): boolean {
    return this.#sockets.has(family)
  }

  /** From now on `handler` gets what comes in of this protocol; undefined: it is dropped. */
  handle(protocol: UdpProtocol, handler: UdpHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(protocol)
    else this.#handlers.set(protocol, handler)
  }

  /** Sends and forgets. */
  send(datagram: Uint8Array, to: Endpoint): void {
    this.#sockets.get(familyOf(to.host))?.send(datagram, to)
  }

  async close(): Promise<void> {
    this.#handlers.clear()
    await Promise.all([...this.#sockets.values()].map((socket) => socket.close()))
  }

  async #open(udp: Udp, family: Family): Promise<void> {
    const socket = await udp.open({ family, port: this.#port, receiveBuffer: RECEIVE_BUFFER }, (datagram, from) => {
      const protocol = protocolOf(datagram)
      if (protocol !== undefined) this.#handlers.get(protocol)?.(datagram, from)
    })
    this.#sockets.set(family, socket)
    this.#port = socket.port
  }
}

/** The protocol that a datagram belongs to; undefined when it is none of ours. */
export function protocolOf(datagram: Uint8Array): UdpProtocol | undefined {
  const first = datagram[0]
  if (first === undefined) return undefined
  if (first === DICTIONARY) return "krpc"
  return (first & 15) === UTP_VERSION && first >> 4 <= LAST_UTP_TYPE ? "utp" : undefined
}
