import { describe, expect, test } from "vitest"
import { type ChokeCandidate, Choker } from "../../../src/peer/choker.js"

/** Peers whose choked flags follow the choker's word. */
class Swarm {
  now = 0
  readonly choker: Choker
  peers: { -readonly [K in keyof ChokeCandidate]: ChokeCandidate[K] }[]

  constructor(count: number, slots?: number) {
    this.choker = new Choker(slots)
    this.peers = Array.from({ length: count }, (_, id) => ({
      id,
      interested: true,
      choked: true,
      snubbed: false,
      downloadRate: 0,
      uploaded: 0,
    }))
  }

  choose(seeding = false): number[] {
    const chosen = this.choker.choose(this.peers, { now: this.now, seeding })
    for (const peer of this.peers) peer.choked = !chosen.has(peer.id)
    return [...chosen].sort((a, b) => a - b)
  }

  /** Time passes, with a choice every second; all that were unchoked at some time. */
  pass(seconds: number, seeding = false, eachSecond: () => void = () => {}): Set<number> {
    const seen = new Set<number>()
    for (let i = 0; i < seconds; i++) {
      this.now += 1000
      eachSecond()
      for (const id of this.choose(seeding)) seen.add(id)
    }
    return seen
  }
}

describe("the choker", () => {
  test("gives free slots to interested peers at once, between rounds too", () => {
    const swarm = new Swarm(3, 2)
    swarm.peers[0]!.interested = false
    expect(swarm.choose()).toEqual([1, 2])
    swarm.now = 100
    swarm.peers[1]!.interested = false
    swarm.peers[0]!.interested = true
    expect(swarm.choose()).toEqual([0, 2])
  })

  test("has eight slots, and takes none away before ten seconds are over", () => {
    const swarm = new Swarm(20)
    const first = swarm.choose()
    expect(first).toHaveLength(8)
    for (const peer of swarm.peers) if (peer.choked) peer.downloadRate = 1000
    for (let second = 0; second < 9; second++) {
      swarm.now += 1000
      expect(swarm.choose()).toEqual(first)
    }
    swarm.now += 1000
    expect(swarm.choose()).not.toEqual(first)
  })

  test("while downloading serves those who give most", () => {
    const swarm = new Swarm(20, 4)
    swarm.choose()
    for (const peer of swarm.peers) peer.downloadRate = 100 * peer.id
    swarm.pass(10)
    expect(swarm.choose()).toEqual(expect.arrayContaining([17, 18, 19]))
  })

  test("while downloading gives each of the others a chance, half a minute long", () => {
    const swarm = new Swarm(10, 4)
    for (const peer of swarm.peers.slice(0, 3)) peer.downloadRate = 1000
    swarm.choose()
    swarm.pass(10)
    const before = swarm.choose().find((id) => id > 2)
    swarm.pass(15)
    expect(swarm.choose()).toEqual([0, 1, 2, before])
    expect(swarm.pass(30 * 8).size).toBe(10)
  })

  test("while downloading stops serving a peer that snubs us, as long as others wait", () => {
    const swarm = new Swarm(3, 2)
    for (const peer of swarm.peers) peer.downloadRate = 1000
    swarm.peers[0]!.downloadRate = 5000
    swarm.choose()
    swarm.peers[0]!.snubbed = true
    swarm.pass(10)
    expect(swarm.choose()).toEqual([1, 2])
  })

  test("fills all slots even when nobody gives anything", () => {
    const swarm = new Swarm(12)
    swarm.choose()
    swarm.pass(60, false, () => expect(swarm.choose()).toHaveLength(8))
  })

  test("when seeding serves everyone in turn, a fast one for its share and a slow one for a minute", () => {
    const swarm = new Swarm(6, 2)
    swarm.choose(true)
    const seen = swarm.pass(180, true, () => {
      for (const peer of swarm.peers) if (!peer.choked) peer.uploaded += peer.id % 2 === 0 ? 10 << 20 : 1000
    })
    expect(seen.size).toBe(6)
  })

  test("when seeding changes nothing while nobody waits", () => {
    const swarm = new Swarm(2, 2)
    expect(swarm.choose(true)).toEqual([0, 1])
    swarm.pass(300, true, () => expect(swarm.choose(true)).toEqual([0, 1]))
  })

  test("never unchokes a peer that wants nothing", () => {
    const swarm = new Swarm(2)
    for (const peer of swarm.peers) peer.interested = false
    expect(swarm.choose()).toEqual([])
    expect(swarm.choose(true)).toEqual([])
  })
})
