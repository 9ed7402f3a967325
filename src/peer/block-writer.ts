import type { BlockDestination } from "../wire/sink.js"

/** Where the block that is arriving on one connection goes. One object a connection, used again for every block. */
export class BlockWriter implements BlockDestination {
  /** The block that is arriving, if it was asked for. */
  block: number | undefined
  /** Its memory; null when nobody needs the (rest of the) bytes. */
  destination: Uint8Array | null = null

  /** Another source took the block over: the rest of it is discarded. */
  detach(): void {
    this.destination = null
  }
}
