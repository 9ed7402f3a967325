import type { ExternalAddress } from "./external-address.js"
import type { PeerBook, PriorityOf } from "./peer-book.js"
import { peerPriority } from "./peer-priority.js"

/** Has a book prefer addresses by BEP 40, as soon as our own is known. */
export function preferByPriority(book: PeerBook, external: ExternalAddress): PriorityOf {
  const priorityOf: PriorityOf = (endpoint) => {
    const ours = external.seenFrom(endpoint.host)
    if (ours === undefined) return undefined
    return peerPriority({ host: ours, port: external.portSeenFrom(endpoint.host) ?? 0 }, endpoint)
  }
  external.whenKnown(() => book.prefer(priorityOf))
  return priorityOf
}
