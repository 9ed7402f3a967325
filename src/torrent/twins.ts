import type { PeerSession } from "../peer/peer-session.js"

/** True when both are one client's. */
export function samePeerId(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((byte, i) => byte === b[i])
}

/**
 * Which of two connections to the same client stays. Two clients that connect to each other at the same time must drop
 * the same one: as in libtorrent, the one stays that was opened by the side with the larger peer id; of two opened by one
 * side, the older.
 */
export function outranks(newer: PeerSession, older: PeerSession, ownId: Uint8Array): boolean {
  if (newer.direction === older.direction || newer.peerId === undefined) return false
  return (newer.direction === "outgoing") === isLarger(ownId, newer.peerId)
}

function isLarger(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i])
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0)
}
