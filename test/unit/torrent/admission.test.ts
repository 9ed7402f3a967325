import { describe, expect, it } from "vitest"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import { Admission } from "../../../src/torrent/finding/admission.js"
import { ConnectionBudget } from "../../../src/torrent/finding/connection-budget.js"
import { PeerSource } from "../../../src/torrent/peer-source.js"

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
  const add = (host: string, incoming: boolean, { ready = true, now = 0, choking = true } = {}): void => {
    const remote = { host, port: 6881 }
    const close = (): void => {
      left.push(host)
      peers.splice(peers.indexOf(peer), 1)
    }
    const direction = incoming ? "incoming" : "outgoing"
    const wants = { amInterested: true, peerInterested: true }
    const gives = { amChoking: true, peerChoking: choking, requester: { snubbed: false }, downloadRate: () => 0 }
    const session = { remote, direction, ...wants, ...gives, close } as unknown as PeerSession
    const peer = new PeerSource(0, session, now)
    peer.ready = ready
    peers.push(peer)
  }
  const comes = (host: string, of: { ready?: boolean; now?: number } = {}): boolean => {
    const isLetIn = admission.mayAccept({ host, port: 6881 }, of.now ?? 0)
    if (isLetIn) add(host, true, of)
    return isLetIn
  }
  const isDialed = (host: string, of: { ready?: boolean; now?: number; choking?: boolean }): void =>
    add(host, false, of)
  return { comes, isDialed, left, admission }
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

  it("are not kept by addresses that do not answer: the oldest leaves when somebody comes", () => {
    const { comes, isDialed, left } = stage(4)
    isDialed("8.8.8.1", { now: 0 })
    isDialed("8.8.8.2", { ready: false, now: 2 })
    isDialed("8.8.8.3", { ready: false, now: 1 })
    isDialed("8.8.8.4", { ready: false, now: 2_000 })
    expect(comes("8.8.4.1", { now: 3_000 })).toBe(false)
    expect(comes("8.8.4.2", { now: 3_002 })).toBe(true)
    expect(comes("8.8.4.3", { now: 3_002 })).toBe(true)
    expect(left).toEqual(["8.8.8.3", "8.8.8.2"])
    expect(comes("8.8.4.4", { now: 4_999 })).toBe(false)
    expect(comes("8.8.4.4", { now: 5_000 })).toBe(true)
    // What is kept for those we choose is not theirs.
    isDialed("8.8.8.5", { ready: false, now: 5_000 })
    expect(comes("8.8.4.5", { now: 9_000 })).toBe(false)
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

  it("are lost by those who have let us download nothing for longest, one a minute, while we know of others", () => {
    const { comes, isDialed, left, admission } = stage(8)
    for (let n = 1; n <= 4; n++) comes(`8.8.8.${n}`)
    isDialed("8.8.4.1", { now: 2_000 })
    isDialed("8.8.4.2", { now: 1_000 })
    isDialed("8.8.4.3", { choking: false })
    const minute = (from: number, isOtherKnown = true): void => {
      for (let now = from; now < from + 60_000; now += 250) {
        admission.tick(now)
        admission.turnOver(now, () => isOtherKnown)
      }
    }
    minute(240_000)
    expect(left).toEqual([])
    isDialed("8.8.4.4", { now: 300_000 })
    minute(300_000, false)
    expect(left).toEqual([])
    minute(360_000)
    expect(left).toEqual(["8.8.4.2"])
    // There is room now.
    minute(420_000)
    expect(left).toEqual(["8.8.4.2"])
    for (const [n, now] of [480_000, 540_000].entries()) {
      isDialed(`8.8.5.${n}`, { now })
      minute(now)
    }
    // Of those who came none, as a quarter is ours.
    expect(left).toEqual(["8.8.4.2", "8.8.4.1", "8.8.4.4"])
  })
})
