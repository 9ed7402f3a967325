import type { Family } from "../bytes/ip.js"
import type { Endpoint } from "./net.js"

/** An open UDP socket. */
export interface UdpSocket {
  readonly port: number
  /** Sends and forgets: a datagram may be lost anyway. */
  send(datagram: Uint8Array, to: Endpoint): void
  close(): Promise<void>
}

interface UdpOptions {
  readonly family: Family
  readonly port: number
  /**
   * Bytes that the system is asked to keep of datagrams that we have not read yet; what comes beyond them is lost. It may give
   * less. Default: the system's own.
   */
  readonly receiveBuffer?: number
}

/** Datagrams. */
export interface Udp {
  /**
   * Opens a socket at `port` (0: any free one). `onMessage`'s bytes are the callee's to keep. `signal` ends the opening, where
   * that takes time.
   */
  open(
    options: UdpOptions & { signal?: AbortSignal },
    onMessage: (datagram: Uint8Array, from: Endpoint) => void,
  ): Promise<UdpSocket>
}
