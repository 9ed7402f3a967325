import { describe, expect, test } from "vitest"
import { type ChokeCandidate, Choker } from "../../../src/torrent/giving/choker.js"

type Peer = { -readonly [K in keyof ChokeCandidate]: ChokeCandidate[K] } & {
  /** Bytes a second that it gives, choked or not, and takes while it is not. */
  gives: number
  takes: number
}

/** Peers whose choked flags follow the choker's word. */
class Swarm {
  now = 0
  readonly choker: Choker
  peers: Peer[] = []

  constructor(count: number, slots?: number) {
    this.choker = new Choker(slots)
    for (let id = 0; id < count; id++) this.join(id)
  }

  join(id: number): Peer {
    const counts = { downloaded: 0, uploaded: 0, gives: 0, takes: 0 }
    const peer = { id, interested: true, choked: true, snubbed: false, ...counts }
    this.peers.push(peer)
    return peer
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
      for (const peer of this.peers) {
        peer.downloaded += peer.gives
        if (!peer.choked) peer.uploaded += peer.takes
      }
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
    for (const peer of swarm.peers) if (peer.choked) peer.gives = 1000
    swarm.pass(9, false, () => expect(swarm.choose()).toEqual(first))
    swarm.pass(1)
    expect(swarm.choose()).not.toEqual(first)
  })

  test("while downloading serves those who give most", () => {
    const swarm = new Swarm(20, 4)
    swarm.choose()
    for (const peer of swarm.peers) peer.gives = 100 * peer.id
    swarm.pass(10)
    expect(swarm.choose()).toEqual(expect.arrayContaining([17, 18, 19]))
  })

  test("while downloading counts what was given in a whole round, however unevenly it came", () => {
    const swarm = new Swarm(3, 2)
    swarm.choose()
    swarm.peers[0]!.gives = swarm.peers[1]!.gives = 1000
    swarm.peers[2]!.downloaded = 50_000
    swarm.pass(10)
    expect(swarm.choose()).toContain(2)
    swarm.pass(40)
    expect(swarm.choose()).toEqual([0, 1])
  })

  test("while downloading gives each of the others a chance, half a minute long", () => {
    const swarm = new Swarm(10, 4)
    for (const peer of swarm.peers.slice(0, 3)) peer.gives = 1000
    swarm.choose()
    swarm.pass(40)
    const before = swarm.choose().find((id) => id > 2)
    swarm.pass(15)
    expect(swarm.choose()).toEqual([0, 1, 2, before])
    expect(swarm.pass(30 * 8).size).toBe(10)
  })

  test("while downloading gives chances in all slots that nobody earns", () => {
    const swarm = new Swarm(30, 4)
    swarm.peers[0]!.gives = 1000
    swarm.choose()
    // 29 peers, three at a time.
    expect(swarm.pass(30 * 11).size).toBe(30)
  })

  test("while downloading stops serving a peer that snubs us, as long as others wait", () => {
    const swarm = new Swarm(3, 2)
    for (const peer of swarm.peers) peer.gives = 1000
    swarm.peers[0]!.gives = 5000
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

  test.each([true, false])("lets newcomers go before many, but not before all for ever; seeding: %s", (seeding) => {
    const swarm = new Swarm(6, 2)
    swarm.choose(seeding)
    const seen = new Set<number>()
    for (let id = 6; id < 60; id++) {
      // Each stays for two minutes.
      swarm.peers = swarm.peers.filter((peer) => peer.id < 6 || peer.id > id - 12)
      swarm.join(id)
      const unchoked = swarm.pass(10, seeding)
      // Everybody had a turn before.
      if (id > 30) for (const peer of unchoked) seen.add(peer)
    }
    for (let id = 0; id < 6; id++) expect(seen).toContain(id)
    expect([...seen].filter((id) => id >= 6).length).toBeGreaterThan(0)
  })

  test("when seeding serves everyone in turn, a fast one for its share and a slow one for a minute", () => {
    const swarm = new Swarm(6, 2)
    for (const peer of swarm.peers) peer.takes = peer.id % 2 === 0 ? 10 << 20 : 1000
    swarm.choose(true)
    expect(swarm.pass(180, true).size).toBe(6)
  })

  test("when seeding serves all in turn where one more wants something than there are slots", () => {
    const swarm = new Swarm(9)
    for (const peer of swarm.peers) peer.takes = 1000
    const waited = new Set<number>()
    swarm.pass(300, true)
    const served = swarm.pass(300, true, () => {
      for (const { id, choked } of swarm.peers) if (choked) waited.add(id)
    })
    expect(served.size).toBe(9)
    expect(waited.size).toBe(9)
  })

  test("when seeding changes nothing while nobody waits", () => {
    const swarm = new Swarm(2, 2)
    expect(swarm.choose(true)).toEqual([0, 1])
    swarm.pass(300, true, () => expect(swarm.choose(true)).toEqual([0, 1]))
  })

  test.each([true, false])("opens slots where eight peers don't take what can be given; seeding: %s", (seeding) => {
    const swarm = new Swarm(60)
    for (const peer of swarm.peers) peer.takes = 100_000
    swarm.choose(seeding)
    swarm.pass(120, seeding)
    expect(swarm.choose(seeding).length).toBeGreaterThan(50)
  })

  test("does not open slots where they would only be slower, and closes them one by one", () => {
    const swarm = new Swarm(60)
    const share = (total: number) => () => {
      const served = swarm.peers.filter((peer) => !peer.choked)
      for (const peer of swarm.peers) peer.takes = total / served.length
    }
    swarm.choose(true)
    swarm.pass(120, true, share(100_000))
    expect(swarm.choose(true)).toHaveLength(8)
    swarm.pass(120, true, share(1_000_000))
    const open = swarm.choose(true).length
    expect(open).toBe(24)
    swarm.pass(20, true, share(0))
    expect(swarm.choose(true)).toHaveLength(22)
    swarm.pass(300, true, share(0))
    expect(swarm.choose(true)).toHaveLength(8)
  })

  test("never unchokes a peer that wants nothing", () => {
    const swarm = new Swarm(2)
    for (const peer of swarm.peers) peer.interested = false
    expect(swarm.choose()).toEqual([])
    expect(swarm.choose(true)).toEqual([])
  })
})
