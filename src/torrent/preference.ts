import { ExternalAddress } from "./external-address.js"
import type { PeerBook, PriorityOf } from "./peer-book.js"
import { peerPriority } from "./peer-priority.js"

/** Has a book prefer addresses by BEP 40, as soon as our own is known, on which others vote. */
export function preferByPriority(
  book: PeerBook,
  listenPort: number | undefined,
): { readonly external: ExternalAddress; readonly priorityOf: PriorityOf } {
  const external = new ExternalAddress(() => book.prefer(priorityOf))
  const priorityOf: PriorityOf = (endpoint) => {
    const ours = external.seenFrom(endpoint.host)
    return ours === undefined ? undefined : peerPriority({ host: ours, port: listenPort ?? 0 }, endpoint)
  }
  return { external, priorityOf }
}
