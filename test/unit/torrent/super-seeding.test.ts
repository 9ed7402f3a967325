import fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import type { Endpoint } from "../../../src/ports/net.js"
import { SuperSeeding } from "../../../src/torrent/giving/super-seeding.js"
import { PeerSource } from "../../../src/torrent/peer-source.js"
import { seededRandom } from "../../support/seeded-random.js"
import { ManualClock } from "../peer/harness.js"

const PIECES = 12
const PIECE = 32768
const BLOCK = 16384

/** A peer, and what it was shown. */
class Fake {
  readonly shown: number[] = []
  readonly source: PeerSource
  pieces: Bitfield | undefined
  peerInterested = true
  amChoking = false
  closed = false
  readonly remote: Endpoint

  /** Each in a network of its own. */
  constructor(id: number, host = `198.${id}.0.1`) {
    this.remote = { host, port: 6881 }
    this.source = new PeerSource(id, this as unknown as PeerSession, 0)
  }

  close(): void {
    this.closed = true
  }

  sendHave(piece: number): void {
    this.shown.push(piece)
  }
}

/** Counts how often somebody looked whether a piece is there. */
class CountingBitfield extends Bitfield {
  looks = 0

  override has(piece: number): boolean {
    this.looks++
    return super.has(piece)
  }
}

class Scene {
  readonly clock = new ManualClock()
  readonly have: Bitfield
  readonly superSeeding: SuperSeeding
  #peers = 0

  constructor(seed = 1, pieces = PIECES) {
    this.have = new Bitfield(pieces)
    this.have.fill()
    const { clock, have } = this
    const layout = new TorrentLayout(PIECE, [{ path: "a", offset: 0, length: pieces * PIECE, padding: false }])
    this.superSeeding = new SuperSeeding({ layout, random: seededRandom(seed), clock, have })
  }

  /** Connected, with these pieces. */
  join(...pieces: number[]): Fake {
    return this.take(new Fake(this.#peers++), pieces)
  }

  take(peer: Fake, pieces: readonly number[]): Fake {
    this.superSeeding.add(peer.source)
    this.says(peer, pieces)
    return peer
  }

  /** It sends its bitfield, and the next tick comes. */
  says(peer: Fake, pieces: readonly number[]): void {
    const previous = peer.pieces
    peer.pieces = new Bitfield(this.have.length)
    for (const piece of pieces) peer.pieces.add(piece)
    this.superSeeding.pieces(peer.source, previous)
    this.superSeeding.tick(false)
  }

  /** It has one more, and the next tick comes. */
  has(peer: Fake, piece: number): void {
    if (peer.pieces?.add(piece)) this.superSeeding.have(peer.source, piece)
    this.superSeeding.tick(false)
  }

  /** It asks for a piece in whole. */
  asks(peer: Fake, piece: number): boolean[] {
    return [0, BLOCK].map((begin) => this.superSeeding.asks(peer.source, piece, begin, BLOCK))
  }

  pass(milliseconds: number, busy = false): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      this.clock.advance(250)
      this.superSeeding.tick(busy)
    }
  }
}

describe("super-seeding (BEP 16)", () => {
  let scene: Scene
  beforeEach(() => {
    scene = new Scene()
  })

  it("shows each peer one piece, of those that nobody has", () => {
    const a = scene.join(0, 1, 2, 3)
    const b = scene.join(4, 5)
    const shown = [...a.shown, ...b.shown]
    expect(new Set(shown).size).toBe(2)
    for (const piece of shown) expect(piece).toBeGreaterThan(5)
  })

  it("gives nothing that it has not shown", () => {
    const a = scene.join()
    const hidden = [...scene.have].find((piece) => !a.shown.includes(piece))!
    expect(scene.asks(a, hidden)).toEqual([false, false])
    expect(scene.asks(a, a.shown[0]!)).toEqual([true, true])
  })

  it("shows the next when one was asked for in whole, and then none until another peer has got one of them", () => {
    const [a, b] = [scene.join(), scene.join()]
    scene.superSeeding.asks(a.source, a.shown[0]!, 0, BLOCK)
    expect(a.shown).toHaveLength(1)
    scene.superSeeding.asks(a.source, a.shown[0]!, BLOCK, BLOCK)
    expect(a.shown).toHaveLength(2)
    scene.asks(a, a.shown[1]!)
    scene.has(a, a.shown[0]!)
    scene.pass(30_000, true)
    expect(a.shown).toHaveLength(2)
    scene.has(b, a.shown[0]!)
    expect(a.shown).toHaveLength(3)
    expect(b.shown).toHaveLength(1)
  })

  it("counts each block once, however often or in whatever parts it is asked for", () => {
    const a = scene.join()
    scene.join()
    const [piece] = a.shown as [number]
    const ask = (begin: number, length: number) =>
      expect(scene.superSeeding.asks(a.source, piece, begin, length)).toBe(true)
    for (let time = 0; time < 5; time++) ask(0, BLOCK)
    for (let begin = BLOCK; begin < PIECE; begin += 1024) ask(begin, 1024)
    ask(PIECE - BLOCK + 1, BLOCK - 1)
    expect(a.shown).toHaveLength(1)
    ask(0, PIECE)
    expect(a.shown).toHaveLength(2)
  })

  it("takes a bitfield for news of what was passed on", () => {
    const a = scene.join()
    scene.join()
    scene.asks(a, a.shown[0]!)
    scene.asks(a, a.shown[1]!)
    expect(a.shown).toHaveLength(2)
    scene.join(a.shown[1]!)
    expect(a.shown).toHaveLength(3)
  })

  it("shows a single peer the next whenever it has asked for one in whole", () => {
    const a = scene.join()
    for (let piece = 0; piece < PIECES - 1; piece++) {
      expect(a.shown).toHaveLength(piece + 1)
      scene.asks(a, a.shown[piece]!)
    }
    expect(new Set(a.shown).size).toBe(PIECES)
  })

  it("shows another piece to who is not interested, or does not ask, or got it elsewhere", () => {
    const [a, b, c] = [scene.join(), scene.join(), scene.join()]
    a.peerInterested = false
    scene.pass(10_000, true)
    expect([a, b, c].map(({ shown }) => shown.length)).toEqual([2, 1, 1])
    scene.has(c, b.shown[0]!)
    expect(b.shown).toHaveLength(2)
    scene.has(c, c.shown[0]!)
    expect(c.shown).toHaveLength(2)
    a.peerInterested = true
    scene.pass(60_000, true)
    expect(a.shown).toHaveLength(3)
  })

  it("leaves who waited for a slot the time to ask once it has one", () => {
    scene.join()
    const a = new Fake(100)
    a.amChoking = true
    scene.superSeeding.add(a.source)
    scene.says(a, [])
    scene.pass(61_000, true)
    const [piece] = a.shown
    a.amChoking = false
    scene.pass(1000, true)
    expect(a.shown).toEqual([piece])
    expect(scene.asks(a, piece!)).toEqual([true, true])
    expect(a.shown).toHaveLength(2)
  })

  it("does not wait for ever: with an idle line more is shown while there is something new, and more and more", () => {
    const a = scene.join()
    scene.join()
    for (const piece of [0, 1]) scene.asks(a, a.shown[piece]!)
    scene.pass(750)
    expect(a.shown).toHaveLength(2)
    scene.pass(250)
    expect(a.shown).toHaveLength(3)
    for (const piece of [2, 3]) scene.asks(a, a.shown[piece]!)
    expect(a.shown).toHaveLength(4)
    scene.pass(1000)
    for (const piece of [4, 5, 6, 7]) scene.asks(a, a.shown[piece]!)
    expect(a.shown).toHaveLength(8)
  })

  it("waits longer for what others have already", () => {
    scene.join(0, 1, 2, 3, 4, 5)
    scene.join(6, 7, 8, 9, 10, 11)
    const a = scene.join()
    for (const piece of [0, 1]) scene.asks(a, a.shown[piece]!)
    scene.pass(14_750)
    expect(a.shown).toHaveLength(2)
    scene.pass(250)
    expect(a.shown).toHaveLength(3)
  })

  it("ends when another has all, counting what it was given; then everybody is shown everything", () => {
    const [a, b, c] = [scene.join(), scene.join(), scene.join()]
    for (const piece of scene.have) {
      if (a.shown.includes(piece)) continue
      scene.has(c, piece)
      scene.has(a, piece)
    }
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(true)
    const last = [...scene.have].find((piece) => !a.pieces!.has(piece))!
    expect(a.shown).toContain(last)
    scene.asks(a, last)
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(false)
    expect(scene.join().shown).toEqual([])
    expect([...b.shown].sort((x, y) => x - y)).toEqual([...scene.have])
    scene.pass(60_000)
    expect(b.shown).toHaveLength(PIECES)
  })

  it("does not end because somebody says that he has all, and others beside him say so, too", () => {
    scene.take(new Fake(100, "203.0.113.1"), [...scene.have])
    scene.take(new Fake(101, "203.0.7.7"), [...scene.have])
    scene.pass(1000)
    expect(scene.superSeeding.active).toBe(true)
    scene.take(new Fake(102, "192.0.2.1"), [...scene.have])
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(false)
  })

  it("ends when all that one says he has is at others, or was given by us", () => {
    scene.take(new Fake(100), [...scene.have])
    const [a, b] = [scene.join(), scene.join()]
    const [first, ...rest] = [...scene.have].filter((piece) => !a.shown.includes(piece))
    for (const piece of rest) scene.has(a, piece)
    scene.asks(a, a.shown[0]!)
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(true)
    scene.has(b, first!)
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(false)
  })

  it("knows what is gone with those who leave, whether they had it from us or not", () => {
    for (let seed = 1; seed < 30; seed++) {
      const played = new Scene(seed)
      const leaver = played.join()
      played.join()
      for (const piece of [0, 1]) played.asks(leaver, leaver.shown[piece]!)
      played.has(leaver, leaver.shown[0]!)
      const gone = [...leaver.shown]
      played.superSeeding.forget(leaver.source)
      const holder = played.join(...[...played.have].filter((piece) => !gone.includes(piece)))
      const next = [holder, played.join()].map(({ shown }) => shown[0]!)
      expect(new Set(next)).toEqual(new Set(gone))
    }
  })

  it("counts a piece as given that a peer asked for when it was just withdrawn", () => {
    const [a, b] = [scene.join(), scene.join()]
    const [late] = a.shown
    // Its requests are on the way when another turns out to have the piece, and is gone soon.
    scene.has(b, late!)
    scene.asks(a, late!)
    scene.superSeeding.forget(b.source)
    const next = scene.join()
    expect(next.shown).not.toContain(late)
    scene.superSeeding.forget(next.source)
    for (let i = 1; i < PIECES; i++) scene.asks(a, a.shown[i]!)
    // It says of none that it has it, as we seem to have it, too.
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(false)
  })

  it("ends with who lacks more than ten thousand pieces, so that it comes again and is told at once", () => {
    const large = new Scene(1, 10_010)
    const [a, b] = [large.join(), large.join(1, 2, 3, 4, 5, 6, 7, 8, 9)]
    for (const seed of [1, 2]) large.take(new Fake(100 + seed), [...large.have])
    large.pass(250)
    expect([a.closed, b.closed]).toEqual([true, false])
    expect([a.shown.length, b.shown.length]).toEqual([1, 10_001])
  })

  it("does not look through all pieces for a peer that has nearly all, whatever it says and however long it stays", () => {
    const large = new Scene(1, 100_000)
    const peer = new Fake(100)
    const pieces = new CountingBitfield(100_000)
    pieces.fill()
    pieces.delete(70_000)
    peer.pieces = pieces
    large.superSeeding.add(peer.source)
    large.superSeeding.pieces(peer.source, undefined)
    large.pass(250)
    expect(peer.shown).toEqual([70_000])
    // From then on the piece is given up, and there is nothing else for it.
    large.pass(60_000)
    expect(pieces.looks).toBeLessThan(2000)
    large.pass(60_000)
    for (let times = 0; times < 1000; times++) {
      pieces.delete(5)
      large.superSeeding.dontHave(peer.source, 5)
      pieces.add(5)
      large.superSeeding.have(peer.source, 5)
    }
    large.pass(250)
    expect(peer.shown).toEqual([70_000])
    expect(pieces.looks).toBeLessThan(5000)
  })

  it("does not look for all pieces at others at once, to see whether there is a full copy", () => {
    const large = new Scene(1, 100_000)
    large.join(...large.have)
    const peer = new Fake(100)
    const pieces = new CountingBitfield(100_000)
    pieces.fill()
    peer.pieces = pieces
    large.superSeeding.add(peer.source)
    large.superSeeding.pieces(peer.source, undefined)
    pieces.looks = 0
    large.pass(250)
    expect(pieces.looks).toBeLessThan(20_000)
    expect(large.superSeeding.active).toBe(true)
    large.pass(2500)
    expect(large.superSeeding.active).toBe(false)
  })

  it("ends when a piece is lost, and does not show that one", () => {
    const a = scene.join()
    const lost = [...scene.have].find((piece) => !a.shown.includes(piece))!
    scene.have.delete(lost)
    scene.pass(250)
    expect(scene.superSeeding.active).toBe(false)
    expect([...a.shown].sort((x, y) => x - y)).toEqual([...scene.have])
  })

  it("shows nothing twice, nothing that is there, and the rarest first, whatever comes", () => {
    const step = fc.tuple(
      fc.nat(4),
      fc.constantFrom("have", "ask", "lose", "leave", "says", "says all", "pass"),
      fc.nat(PIECES - 1),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.nat(100), (steps, seed) => {
        const played = new Scene(seed)
        const peers = new Map<number, Fake>()
        /** What peers asked for in whole, and did not say they have. */
        const asked = new Map<Fake, Set<number>>()
        const copies = (piece: number): number => {
          let count = 0
          for (const peer of peers.values()) if (peer.pieces!.has(piece) || asked.get(peer)!.has(piece)) count++
          return count
        }
        const watch = (peer: Fake): void => {
          const send = peer.sendHave.bind(peer)
          peer.sendHave = (piece) => {
            if (played.superSeeding.active) {
              expect(peer.shown).not.toContain(piece)
              expect(peer.pieces?.has(piece)).not.toBe(true)
              const free = [...played.have].filter((p) => copies(p) === 0 && !peer.shown.includes(p))
              const current = [...peers.values()].flatMap((other) => other.shown)
              // A piece that nobody has, and nobody is shown, goes before all others.
              if (free.some((p) => !current.includes(p))) expect(copies(piece)).toBe(0)
            }
            send(piece)
          }
        }
        for (const [who, what, piece] of steps) {
          let peer = peers.get(who)
          if (peer === undefined) {
            peer = new Fake(who)
            watch(peer)
            asked.set(peer, new Set())
            peers.set(who, peer)
            played.superSeeding.add(peer.source)
            played.says(peer, [])
          }
          const has = saidBy(what, piece, played.have)
          for (const one of has) asked.get(peer)!.delete(one)
          if (what === "have") played.has(peer, piece)
          else if (what === "ask" && peer.shown.includes(piece)) {
            if (!peer.pieces!.has(piece)) asked.get(peer)!.add(piece)
            played.asks(peer, piece)
          } else if (what === "lose" && peer.pieces!.delete(piece)) played.superSeeding.dontHave(peer.source, piece)
          else if (what === "leave") {
            played.superSeeding.forget(peer.source)
            peers.delete(who)
          } else if (what === "says" || what === "says all") played.says(peer, has)
          else if (what === "pass") played.pass(250 * (piece + 1))
          if (!played.superSeeding.active) return
        }
      }),
    )
  })
})

/** The pieces that a peer says it has. */
function saidBy(what: string, piece: number, all: Iterable<number>): number[] {
  if (what === "have") return [piece]
  if (what === "says") return [piece, (piece + 3) % PIECES]
  return what === "says all" ? [...all] : []
}
