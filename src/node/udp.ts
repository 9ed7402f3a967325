import type { Socket } from "node:dgram"
import type { Family } from "../bytes/ip.js"
import type { Endpoint } from "../ports/net.js"
import type { Udp, UdpSocket } from "../ports/udp.js"
import { normalizeIp } from "./ip.js"

/** Bytes that every system gives. */
const LEAST_BUFFER = 256 * 1024

/** UDP. `open` rejects with Node's own error (`code`: `EADDRINUSE`, `EAFNOSUPPORT`, ...). */
export const nodeUdp: Udp = {
  async open({ family, port, receiveBuffer = 0 }, onMessage) {
    const socket = process.getBuiltinModule("node:dgram").createSocket({
      type: family === 4 ? "udp4" : "udp6",
      // So that a socket of each family can have the same port.
      ipv6Only: family === 6,
      // Only addresses are ever sent to: nothing is to be looked up.
      lookup: (address, _options, callback) => callback(null, address, family),
    })
    socket.on("message", (datagram, from) =>
      onMessage(new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength), {
        host: normalizeIp(from.address),
        port: from.port,
      }),
    )
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject)
      socket.bind(port, () => {
        socket.off("error", reject)
        growReceiveBuffer(socket, receiveBuffer)
        // Errors of single datagrams (no route, refused by the other side) are losses like any other.
        socket.on("error", () => {})
        resolve()
      })
    }).catch((error: unknown) => {
      socket.close()
      throw error
    })
    return new NodeUdpSocket(socket, family)
  },
}

/** Asks for so many bytes. Linux gives what it may (`net.core.rmem_max`), others refuse what is too much: they are asked for less. */
function growReceiveBuffer(socket: Socket, bytes: number): void {
  for (let size = bytes; size >= LEAST_BUFFER && socket.getRecvBufferSize() < size; size /= 2) {
    try {
      socket.setRecvBufferSize(size)
      return
    } catch {
      // Half of it, then.
    }
  }
}

class NodeUdpSocket implements UdpSocket {
  readonly port: number
  readonly #socket: Socket
  readonly #family: Family
  #closed: Promise<void> | undefined

  constructor(socket: Socket, family: Family) {
    this.port = socket.address().port
    this.#socket = socket
    this.#family = family
  }

  send(datagram: Uint8Array, to: Endpoint): void {
    if (this.#closed !== undefined || to.port < 1 || to.port > 65535) return
    if (process.getBuiltinModule("node:net").isIP(to.host) !== this.#family) return
    this.#socket.send(datagram, to.port, to.host, () => {})
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#socket.close(() => resolve())
    })
    return this.#closed
  }
}
