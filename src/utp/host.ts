import type { Clock } from "../ports/clock.js"
import type { Endpoint, StreamListener } from "../ports/net.js"
import type { PacketPool } from "./packet-pool.js"
import type { SharedMemory } from "./shared-memory.js"

/** What names a connection, and where it begins. */
export interface UtpConnectionOptions {
  readonly remote: Endpoint
  /** Of packets to us. */
  readonly receiveId: number
  /** Of packets to the other side. */
  readonly sendId: number
  /** The number of our first packet. */
  readonly sequence: number
}

/** What a connection needs from the socket it belongs to. */
export interface UtpHost<Connection> {
  readonly clock: Clock
  readonly pool: PacketPool
  /** For what is taken in ahead of its turn or of a reader that waits. */
  readonly receiveMemory: SharedMemory
  send(datagram: Uint8Array, to: Endpoint): void
  /** Its `acknowledge` is to be called once what has come together is through. */
  askAcknowledge(connection: Connection): void
  /** It said by another packet what it would have acknowledged. */
  acknowledged(connection: Connection): void
  /** The other side of an accepted connection has proved its address. Undefined: nobody wants it. */
  confirmed(connection: Connection): StreamListener | undefined
  /** No packet belongs to it any more. */
  gone(connection: Connection): void
}
