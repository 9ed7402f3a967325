import type { Endpoint } from "./net.js"

/** This machine's part in a multicast group. */
export interface MulticastGroup {
  /** Sends and forgets, once by each interface: the receivers see its address as the sender's. */
  send(datagram: Uint8Array): void
  close(): Promise<void>
}

/** Datagrams to all who are near and listen. */
export interface Multicast {
  /**
   * Takes part in the group at this address and port on all of the machine's interfaces. Others on this machine may do so,
   * too: everyone gets what anyone sends, the sender included; but nobody is heard who is in none of the machine's own
   * networks. `onMessage`'s bytes are the callee's to keep. Rejects where there is no interface for it.
   */
  join(group: Endpoint, onMessage: (datagram: Uint8Array, from: Endpoint) => void): Promise<MulticastGroup>
}
