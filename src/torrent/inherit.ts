import type { Metainfo } from "../metainfo/metainfo.js"
import type { Platform } from "../ports/platform.js"
import type { PeerBook } from "./finding/peer-book.js"
import type { Handover } from "./metadata/metadata-fetch.js"
import type { Swarm } from "./swarm.js"

/** A torrent, as far as it can go on with the peers from whom its metadata came. */
interface Heir {
  readonly handover?: Handover | undefined
  readonly metainfo: Metainfo
  readonly book: PeerBook
  readonly swarm: Swarm
  readonly platform: Platform
}

/** Goes on with those from whom the metadata came. */
export function inherit({ handover, metainfo, book, swarm, platform }: Heir): void {
  if (handover === undefined) return
  const now = platform.clock.now()
  if (metainfo.private) {
    // BEP 27: its peers come from its tracker, and nobody knows any more which of these connections did.
    for (const connection of handover.connections) connection.close(new Error("the torrent is private"))
    for (const endpoint of handover.namedByTrackers) book.add(endpoint, "tracker", now)
    return
  }
  for (const endpoint of handover.endpoints) book.add(endpoint, "tracker", now)
  for (const connection of handover.connections) swarm.adopt(connection)
}
