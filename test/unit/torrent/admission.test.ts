import { expect, it } from "vitest"
import { Admission } from "../../../src/torrent/finding/admission.js"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"

/** A torrent that lets in whom it may. */
function stage() {
  const peers: PeerSource[] = []
  const admission = new Admission({
    peers: () => peers,
    budget: new ConnectionBudget(),
    priorityOf: () => undefined,
  })
  const comes = (host: string): boolean => {
    const remote = { host, port: 6881 }
    if (!admission.mayAccept(remote, 0)) return false
    const session = { remote, amInterested: true, peerInterested: true, amChoking: true, close: () => {} }
    peers.push({ incoming: true, ready: true, session, interestedAt: 0, requestedAt: 0 } as unknown as PeerSource)
    return true
  }
  return { comes }
}

it.each([
  ["one address has four", () => "8.8.8.8", 4],
  ["a machine of the local network has twenty", () => "192.168.0.7", 20],
  ["a /64 of IPv6 addresses has twenty", (n: number) => `2001:db8:1:2::${n.toString(16)}`, 20],
])("of the places for those who come, %s", (_, hostOf, places) => {
  const { comes } = stage()
  expect(Array.from({ length: 50 }, (_, n) => comes(hostOf(n + 1))).filter(Boolean)).toHaveLength(places)
  expect(comes("2001:db8:1:3::1")).toBe(true)
})
