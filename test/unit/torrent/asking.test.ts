import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.js"
import { BlockWriter } from "../../../src/peer/block-writer.js"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import { Fellows } from "../../../src/picker/fellows.js"
import { Picker } from "../../../src/picker/picker.js"
import { PieceTable } from "../../../src/picker/piece-table.js"
import { type Slot, Slots } from "../../../src/storage/slots.js"
import { Asking } from "../../../src/torrent/asking.js"
import { PeerSource } from "../../../src/torrent/peer-source.js"
import { RateLimit } from "../../../src/torrent/rate-limit.js"
import type { Roster } from "../../../src/torrent/roster.js"
import { Totals } from "../../../src/torrent/totals.js"
import { VirtualClock } from "../../sim/lib/virtual-clock.js"
import { seededRandom } from "../../support/seeded-random.js"
import { layoutOf } from "./stage.js"

const PIECES = 40

function stageOf(options: { have?: number[]; limit?: number; peers?: Seed[] } = {}) {
  const layout = layoutOf(PIECES)
  const wanted = new Bitfield(PIECES)
  wanted.fill()
  const have = new Bitfield(PIECES)
  for (const piece of options.have ?? []) have.add(piece)
  const random = seededRandom(1)
  const memory = new Slots({ pieceLength: layout.pieceLength, budget: PIECES * layout.pieceLength })
  const table = new PieceTable({ layout, memory, random, have, wanted })
  const picker = new Picker(table, random, new Fellows(new Uint8Array(20)))
  const clock = new VirtualClock()
  const asking = new Asking({
    table,
    picker,
    totals: new Totals(0),
    downloadLimit: new RateLimit(clock, options.limit),
    roster: rosterOf(options.peers ?? []),
  })
  table.availability.addSeed()
  let picks = 0
  const pickBlocks = picker.pickBlocks.bind(picker)
  picker.pickBlocks = (...args) => {
    picks++
    return pickBlocks(...args)
  }
  for (const peer of options.peers ?? []) peer.onDropped = (block) => unask(table, block)
  return { asking, layout, table, picks: () => picks }
}

function rosterOf(peers: readonly Seed[]): Pick<Roster, "connected" | "sourceById"> {
  const sources = peers.map(({ source }) => source)
  return {
    *connected() {
      yield* sources
    },
    sourceById: (id) => sources.find((source) => source.id === id),
  }
}

/** A request for the block ended. */
function unask(table: PieceTable<Slot>, block: number): void {
  const open = table.open.get(table.layout.pieceOfBlock(block))
  if (open === undefined) return
  open.unask(table.layout.indexOfBlock(block))
  table.settle(open)
}

/** A seed with room for 32 requests. */
class Seed {
  readonly asked = new Set<number>()
  readonly cancelled: number[] = []
  readonly source: PeerSource
  readonly peerChoking: boolean
  readonly allowedFast: Set<number>
  readonly amInterested = true
  readonly pieces = new Bitfield(PIECES)
  readonly writer = new BlockWriter()

  /** What is asked of it, which it keeps itself. */
  readonly requester = this
  /** Bytes a second. */
  rate = 0
  /** Hears of what was taken back, as the swarm does. */
  onDropped: (block: number) => void = () => {}

  constructor(id: number, allowedFast?: number[]) {
    this.pieces.fill()
    this.peerChoking = allowedFast !== undefined
    this.allowedFast = new Set(allowedFast)
    this.source = new PeerSource(id, this as unknown as PeerSession, 0)
  }

  get outstanding(): number {
    return this.asked.size
  }

  get room(): number {
    return 32 - this.asked.size
  }

  request(block: number): void {
    this.asked.add(block)
  }

  timeLeft(): number {
    return (this.asked.size * BLOCK_LENGTH * 1000) / this.rate
  }

  cancelLast(most: number, fits: (block: number) => boolean): number {
    const taken = [...this.asked].reverse().filter(fits).slice(0, most)
    for (const block of taken) this.cancel(block)
    return taken.length
  }

  isOutstanding(block: number): boolean {
    return this.asked.has(block)
  }

  cancel(block: number): void {
    this.asked.delete(block)
    this.cancelled.push(block)
    this.onDropped(block)
  }
}

describe("asking peers for blocks", () => {
  it("does not search all pieces for a choked peer whose allowed pieces we have", () => {
    const { asking, picks } = stageOf({ have: [3, 5] })
    const peer = new Seed(1, [3, 5])
    asking.fill(peer.source, 0)
    expect(picks()).toBe(0)
    expect(peer.asked.size).toBe(0)
  })

  it("asks a choked peer for the allowed pieces that we need, and for no others", () => {
    const { asking, layout } = stageOf({ have: [3] })
    const peer = new Seed(1, [3, 5])
    asking.fill(peer.source, 0)
    expect([...peer.asked].map((block) => layout.pieceOfBlock(block))).toEqual([5, 5])
  })

  it("asks for no more than the download limit lets through in half a second", () => {
    const { asking } = stageOf({ limit: 20 * BLOCK_LENGTH })
    const peer = new Seed(1)
    asking.fill(peer.source, 0)
    asking.fill(peer.source, 0)
    expect(peer.asked.size).toBe(10)
  })

  it("asks for one block at a time when the limit is less than a block a second", () => {
    const { asking } = stageOf({ limit: 100 })
    const peer = new Seed(1)
    asking.fill(peer.source, 0)
    expect(peer.asked.size).toBe(1)
  })

  it("turns to a fellow downloader who has got a piece that a seed has sent nothing of", () => {
    const [seed, fellow] = [new Seed(1), new Seed(2)]
    const { asking, layout, table } = stageOf({ peers: [seed, fellow] })
    asking.fill(seed.source, 0)
    const [block] = seed.asked
    const piece = layout.pieceOfBlock(block!)
    fellow.pieces.clear()
    fellow.pieces.add(piece)
    fellow.source.countedAs = "pieces"
    seed.source.countedAs = "seed"
    const before = seed.asked.size
    asking.turnFromSeed(fellow.source, piece, 0)
    expect([...fellow.asked]).toEqual(seed.cancelled)
    expect(fellow.asked.size).toBe(layout.blockCount(piece))
    expect(seed.asked.size).toBe(before - fellow.asked.size)
    table.assertInvariants()
  })

  it("leaves with the seed a piece of which something came, or that the fellow has no room to be asked for", () => {
    const [seed, fellow] = [new Seed(1), new Seed(2)]
    const { asking, layout, table } = stageOf({ peers: [seed, fellow] })
    asking.fill(seed.source, 0)
    seed.source.countedAs = "seed"
    const [first, second] = [...new Set([...seed.asked].map((block) => layout.pieceOfBlock(block)))] as [number, number]
    fellow.source.countedAs = "pieces"
    const open = table.open.get(first)!
    open.begin(0, fellow.source.session.writer)
    asking.turnFromSeed(fellow.source, first, 0)
    for (let other = 0; other < 31; other++) fellow.request(-1 - other)
    asking.turnFromSeed(fellow.source, second, 0)
    expect(seed.cancelled).toEqual([])
  })

  it("takes a block back from all who were asked for it, whoever brought it", () => {
    const peers = [new Seed(1), new Seed(2), new Seed(3)]
    const { asking } = stageOf({ peers })
    for (const peer of peers.slice(0, 2)) peer.request(7)
    asking.cancelCopies(7)
    expect(peers.map(({ cancelled }) => cancelled)).toEqual([[7], [7], []])
  })

  describe("when nothing is left to ask for", () => {
    const ALL = 2 * PIECES
    const REST = ALL - 32 - 32

    function slowAndFast(rates: { slow: number; fast: number }) {
      const [slow, other, fast] = [new Seed(1), new Seed(2), new Seed(3)]
      slow.rate = rates.slow
      fast.rate = rates.fast
      const { asking } = stageOf({ peers: [slow, other, fast] })
      for (const peer of [slow, other, fast]) asking.fill(peer.source, 0)
      expect([slow, other, fast].map(({ asked }) => asked.size)).toEqual([32, 32, REST])
      other.asked.clear()
      fast.asked.clear()
      return { asking, slow, fast }
    }

    it("a fast peer takes the end of a slow one's queue, and leaves it its share", () => {
      const { asking, slow, fast } = slowAndFast({ slow: BLOCK_LENGTH, fast: 3 * BLOCK_LENGTH })
      const queue = [...slow.asked]
      asking.fill(fast.source, 0)
      expect([...slow.asked]).toEqual(queue.slice(0, 8))
      expect([...fast.asked].sort((a, b) => a - b)).toEqual(queue.slice(8).sort((a, b) => a - b))
    })

    it("a slow peer takes nothing from one who is soon done", () => {
      const { asking, slow, fast } = slowAndFast({ slow: 100 * BLOCK_LENGTH, fast: BLOCK_LENGTH })
      asking.fill(fast.source, 0)
      expect(slow.cancelled).toEqual([])
    })

    it("a peer that has shown nothing yet takes nothing", () => {
      const { asking, slow, fast } = slowAndFast({ slow: BLOCK_LENGTH, fast: 0 })
      asking.fill(fast.source, 0)
      expect(slow.cancelled).toEqual([])
    })
  })
})
