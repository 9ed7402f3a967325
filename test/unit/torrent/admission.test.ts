import { describe, expect, it } from "vitest"
import { Admission } from "../../../src/torrent/finding/admission.js"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"

/** A torrent that lets in whom it may. */
function stage(maxPeers?: number) {
  const peers: PeerSource[] = []
  const admission = new Admission({
    peers: () => peers,
    budget: new ConnectionBudget(),
    maxPeers,
    priorityOf: () => undefined,
  })
  const left: string[] = []
  const comes = (host: string, { ready = true, now = 0 } = {}): boolean => {
    const remote = { host, port: 6881 }
    if (!admission.mayAccept(remote, now)) return false
    const close = (): void => {
      left.push(host)
      peers.splice(peers.indexOf(peer), 1)
    }
    const session = { remote, amInterested: true, peerInterested: true, amChoking: true, close }
    const peer = { incoming: true, ready, session, interestedAt: now, requestedAt: now } as unknown as PeerSource
    peers.push(peer)
    return true
  }
  return { comes, left, admission }
}

describe("the places of a torrent", () => {
  it.each([
    ["one address has four", () => "8.8.8.8", 4],
    ["a machine of the local network has twenty", () => "192.168.0.7", 20],
    ["a /64 of IPv6 addresses has twenty", (n: number) => `2001:db8:1:2::${n.toString(16)}`, 20],
  ])("of those for who comes, %s", (_, hostOf, places) => {
    const { comes } = stage()
    expect(Array.from({ length: 50 }, (_, n) => comes(hostOf(n + 1))).filter(Boolean)).toHaveLength(places)
    expect(comes("2001:db8:1:3::1")).toBe(true)
  })

  it("are not kept by who stalls in the handshake: the oldest leaves when another comes", () => {
    // A quarter is kept for those we choose.
    const { comes, left } = stage(4)
    expect(comes("8.8.8.1")).toBe(true)
    expect(comes("8.8.8.2", { ready: false, now: 1 })).toBe(true)
    expect(comes("8.8.8.3", { ready: false, now: 2 })).toBe(true)
    expect(comes("8.8.8.4", { now: 3 })).toBe(true)
    expect(left).toEqual(["8.8.8.2"])
    expect(comes("8.8.8.5", { now: 4 })).toBe(true)
    expect(left).toEqual(["8.8.8.2", "8.8.8.3"])
    // Of the others each is of use.
    expect(comes("8.8.8.6", { now: 5 })).toBe(false)
  })

  it("are had for twenty seconds without a handshake", () => {
    const { comes, left, admission } = stage()
    comes("8.8.8.1", { ready: false, now: 0 })
    comes("8.8.8.2", { now: 0 })
    admission.tick(19_999)
    expect(left).toEqual([])
    admission.tick(20_000)
    expect(left).toEqual(["8.8.8.1"])
  })
})
