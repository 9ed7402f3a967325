import { sameBytes } from "../../bytes/same-bytes.js"
import type { PeerSession } from "../../peer/peer-session.js"
import type { PeerSource } from "../peer-source.js"
import type { Roster } from "../roster.js"
import type { PeerBook } from "./peer-book.js"

/** Sees to it that a client is connected to us once, and we are never to ourselves. */
export class Twins {
  readonly #ownId: Uint8Array
  readonly #roster: Roster
  readonly #book: PeerBook

  constructor(options: { peerId: Uint8Array; roster: Roster; book: PeerBook }) {
    this.#ownId = options.peerId
    this.#roster = options.roster
    this.#book = options.book
  }

  /** Whether a peer that has named itself may stay. Closes what must not be there, but waits if the other end does. */
  mayStay(peer: PeerSource): boolean {
    const { session } = peer
    if (samePeerId(session.peerId, this.#ownId)) {
      // The end that opened it knows the address. The other waits for it: closed at once, it would not have answered.
      if (session.direction === "incoming") return false
      this.#book.forget(session.remote)
      session.close(new Error("connected to ourselves"))
      return false
    }
    const twin = [...this.#roster.connected()].find((other) => samePeerId(other.session.peerId, session.peerId))
    if (twin === undefined) return true
    const [kept, dropped] = outranks(session, twin.session, this.#ownId) ? [peer, twin] : [twin, peer]
    // Both lead to the same peer: none is to be tried while it is connected.
    kept.addresses.push(...dropped.addresses.splice(0))
    dropped.session.close(new Error("connected twice"))
    return kept === peer
  }
}

/** True when both are one client's. */
export function samePeerId(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && sameBytes(a, b)
}

/**
 * Which of two connections to the same client stays. Two clients that connect to each other at the same time must drop
 * the same one: as in libtorrent, the one stays that was opened by the side with the larger peer id; of two opened by one
 * side, the older.
 */
function outranks(newer: PeerSession, older: PeerSession, ownId: Uint8Array): boolean {
  if (newer.direction === older.direction || newer.peerId === undefined) return false
  return (newer.direction === "outgoing") === isLarger(ownId, newer.peerId)
}

function isLarger(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0)
}
