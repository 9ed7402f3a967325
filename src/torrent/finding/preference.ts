import type { ExternalAddress } from "./external-address.js"
import type { PeerBook, PriorityOf } from "./peer-book.js"
import { peerPriority } from "./peer-priority.js"

/** Has a book prefer addresses by BEP 40, as soon as our own is known. */
export function preferByPriority(
  book: PeerBook,
  external: ExternalAddress,
  listenPort: number | undefined,
): PriorityOf {
  const priorityOf: PriorityOf = (endpoint) => {
    const ours = external.seenFrom(endpoint.host)
    return ours === undefined ? undefined : peerPriority({ host: ours, port: listenPort ?? 0 }, endpoint)
  }
  external.whenKnown(() => book.prefer(priorityOf))
  return priorityOf
}
