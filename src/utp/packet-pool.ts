/**
 * Bytes of the largest datagram sent, headers of uTP included: what IPv6's least MTU, 1280, leaves after the headers of IP
 * and UDP (40 and 8). Every path bears it, tunnels too. Probing for more would need packets that may get lost, and what is
 * in a packet stays in it: uTP numbers packets, not bytes.
 */
export const DATAGRAM = 1232
/** Free buffers kept, which is about one full window. */
const MAX_FREE = 1024

/** The memory of packets under way, used again and again by all connections of a socket. */
export class PacketPool {
  readonly #free: Uint8Array[] = []

  /** {@link DATAGRAM} bytes, with anything in them. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(DATAGRAM)
  }

  give(buffer: Uint8Array): void {
    if (this.#free.length < MAX_FREE) this.#free.push(buffer)
  }
}
