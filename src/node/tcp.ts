import type { Socket, SocketConstructorOpts } from "node:net"
import { withoutBrackets } from "../bytes/url.js"
import type { ByteStream, Endpoint, Listener, Net, StreamListener } from "../ports/net.js"
import { type OnRead, readAccepted } from "./accepted-socket.js"
import { hostNames } from "./host-names.js"
import { normalizeIp } from "./ip.js"

/** Bytes received at a time, unless told otherwise. */
export const RECEIVE_BUFFER = 256 * 1024
/** Bytes queued in a socket before `write` asks to wait: a few blocks, so that the network never starves. */
const SEND_HIGH_WATER = 256 * 1024

/** TCP. `listen` and `resolve` reject with Node's own error (`code`: `EADDRINUSE`, `EACCES`, `ENOTFOUND`, ...). */
export class NodeNet implements Net {
  // One buffer for all connections: Node reads into it and calls back before it reads again, and whoever
  // listens has done with the bytes when the call returns.
  #receiveBuffer: Uint8Array | undefined
  readonly #receiveLength: number

  /** `receiveLength`: bytes received at a time. */
  constructor(receiveLength = RECEIVE_BUFFER) {
    this.#receiveLength = receiveLength
  }

  connect(remote: Endpoint, listener: StreamListener): ByteStream {
    const net = netModule()
    const options: SocketConstructorOpts & { onread: OnRead; writableHighWaterMark: number } = {
      writableHighWaterMark: SEND_HIGH_WATER,
      onread: this.#onRead(() => listener),
    }
    const socket = new net.Socket(options)
    const stream = new SocketStream(socket, remote)
    socket.once("connect", () => listener.onOpen())
    hearEnd(socket, listener)
    if (net.isIP(remote.host) === 0) socket.destroy(new Error(`${remote.host} is not an IP address`))
    else if (!isPort(remote.port)) socket.destroy(new Error(`${remote.port} is not a port`))
    else socket.setNoDelay(true).connect({ host: remote.host, port: remote.port })
    return stream
  }

  async listen(
    options: { port: number; host?: string },
    accept: (stream: ByteStream) => StreamListener,
  ): Promise<Listener> {
    const server = netModule().createServer({ pauseOnConnect: true, noDelay: true, highWaterMark: SEND_HIGH_WATER })
    server.on("connection", (socket) => {
      const { remoteAddress, remotePort } = socket
      if (remoteAddress === undefined || remotePort === undefined) {
        // It went away before we got to it.
        socket.on("error", () => {}).destroy()
        return
      }
      let listener: StreamListener | undefined
      const onread = this.#onRead(() => listener)
      const own = readAccepted(socket, { onread, writableHighWaterMark: SEND_HIGH_WATER })
      const remote = { host: normalizeIp(remoteAddress), port: remotePort }
      const hearing = accept(new SocketStream(own ?? socket, remote))
      listener = hearing
      hearEnd(own ?? socket, hearing)
      if (own === undefined) socket.on("data", (chunk) => hearing.onData(plainBytes(chunk))).resume()
    })
    // Without a host Node binds all of IPv6 and IPv4 together, or IPv4 alone where there is no IPv6.
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(options, () => {
        server.off("error", reject)
        // A connection that can't be accepted is the remote side's loss; the port stays open.
        server.on("error", () => {})
        resolve()
      })
    })
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : options.port,
      // Node would wait for the accepted connections too, but they belong to others: the port is free at once.
      close: () =>
        new Promise((resolve) => {
          server.close()
          setImmediate(resolve)
        }),
    }
  }

  #onRead(listener: () => StreamListener | undefined): OnRead {
    this.#receiveBuffer ??= new Uint8Array(this.#receiveLength)
    return {
      buffer: this.#receiveBuffer,
      callback: (length, buffer) => {
        listener()?.onData(buffer.subarray(0, length))
        return true
      },
    }
  }

  async resolve(hostname: string): Promise<string[]> {
    const name = withoutBrackets(hostname)
    if (netModule().isIP(name) !== 0) return [normalizeIp(name)]
    const found = await hostNames.find(name)
    return [...new Set(found.map(({ address }) => normalizeIp(address)))]
  }
}

/** A socket as the port has it. */
export class SocketStream implements ByteStream {
  readonly remote: Endpoint
  readonly #socket: Socket
  #corked = false
  readonly #uncork = (): void => {
    this.#corked = false
    this.#socket.uncork()
  }

  constructor(socket: Socket, remote: Endpoint) {
    this.#socket = socket
    this.remote = remote
  }

  get ownHost(): string | undefined {
    const { localAddress } = this.#socket
    return localAddress === undefined ? undefined : normalizeIp(localAddress)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  write(chunk: Uint8Array, onTaken?: () => void): boolean {
    const socket = this.#socket
    if (!socket.writable) {
      onTaken?.()
      return false
    }
    // What is written in one turn goes to the system in one call: blocks and their headers come by the dozen.
    if (!this.#corked) {
      this.#corked = true
      socket.cork()
      process.nextTick(this.#uncork)
    }
    return socket.write(chunk, onTaken)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The listener hears of room to write, and of the end. */
export function hearEnd(socket: Socket, listener: StreamListener): void {
  let failure: Error | undefined
  socket.on("error", (error) => {
    failure = error
  })
  socket.on("drain", () => listener.onDrain())
  socket.once("close", () => listener.onClose(failure))
}

// A Buffer's `slice` is a view where a Uint8Array's is a copy: nobody above this room should meet one.
export function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536
}

// Loaded when first needed: it takes milliseconds that a short command feels.
function netModule() {
  return process.getBuiltinModule("node:net")
}
