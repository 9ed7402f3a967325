import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Bitfield } from "../../src/bytes/bitfield.js"
import { BLOCK_LENGTH, TorrentLayout } from "../../src/metainfo/layout.js"
import type { OpenPiece, PieceBuffer, Writer } from "../../src/picker/open-piece.js"
import { type BlockSource, Picker } from "../../src/picker/picker.js"
import { PieceTable } from "../../src/picker/piece-table.js"
import type { Run } from "../../src/picker/run.js"
import { seededRandom } from "../support/seeded-random.js"

class Memory {
  readonly capacity: number
  inUse = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  acquire(): PieceBuffer | undefined {
    if (this.inUse >= this.capacity) return undefined
    this.inUse++
    return { bytes: new Uint8Array(1 << 17) }
  }

  release(): void {
    this.inUse--
  }
}

class Peer implements BlockSource, Writer {
  destination: Uint8Array | null = null
  readonly asked = new Set<number>()
  readonly onlyPieces = undefined
  readonly id: number
  readonly pieces: Bitfield

  constructor(id: number, pieces: Bitfield) {
    this.id = id
    this.pieces = pieces
  }

  get counted(): boolean {
    return !this.pieces.complete
  }

  hasPiece(piece: number): boolean {
    return this.pieces.has(piece)
  }

  isAsked(block: number): boolean {
    return this.asked.has(block)
  }
}

interface World {
  layout: TorrentLayout
  table: PieceTable
  picker: Picker
  peers: Peer[]
}

function world(options: {
  length: number
  pieceLength: number
  peers: boolean[][]
  memory: number
  seed: number
}): World {
  const { length, pieceLength } = options
  const layout = new TorrentLayout(pieceLength, [{ path: "f", offset: 0, length, padding: false }])
  const random = seededRandom(options.seed)
  const wanted = new Bitfield(layout.pieceCount)
  wanted.fill()
  const memory = new Memory(options.memory)
  const table = new PieceTable({ layout, memory, random, have: new Bitfield(layout.pieceCount), wanted })
  const picker = new Picker(table, random)
  const peers = options.peers.map((has, index) => {
    const pieces = new Bitfield(layout.pieceCount)
    for (let p = 0; p < layout.pieceCount; p++) if (has[p % has.length]) pieces.add(p)
    const peer = new Peer(index + 1, pieces)
    if (pieces.complete) table.availability.addSeed()
    else table.availability.addPeer(pieces)
    return peer
  })
  return { layout, table, picker, peers }
}

/** A peer answers one request: the block arrives whole. */
function answer({ layout, table }: World, peer: Peer, block: number): void {
  peer.asked.delete(block)
  const open = table.open.get(layout.pieceOfBlock(block))
  if (open === undefined) return
  const index = layout.indexOfBlock(block)
  open.unask(index)
  open.begin(index, peer)
  open.end(index, peer, peer.id)
  table.settle(open)
  finish(table, open)
}

function finish(table: PieceTable, open: OpenPiece): void {
  if (!open.full) return
  table.commit(open)
  table.stored(open)
}

const shape = fc.record({
  length: fc.integer({ min: 1, max: 40 * BLOCK_LENGTH }),
  pieceLength: fc.constantFrom(BLOCK_LENGTH, 2 * BLOCK_LENGTH, 4 * BLOCK_LENGTH, 20_000),
  peers: fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
  memory: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(),
})

describe("the picker", () => {
  it("asks no two peers for the same block outside end-game, and never one who lacks it", () => {
    fc.assert(
      fc.property(shape, fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 }), fc.boolean())), (s, turns) => {
        const w = world(s)
        for (const [index, want, answers] of turns) {
          const peer = w.peers[index % w.peers.length]!
          w.picker.pickBlocks(peer, want, 0, (block) => {
            expect(peer.hasPiece(w.layout.pieceOfBlock(block))).toBe(true)
            for (const other of w.peers) expect(other.asked.has(block)).toBe(false)
            peer.asked.add(block)
          })
          if (answers) for (const block of [...peer.asked]) answer(w, peer, block)
          w.table.assertInvariants()
        }
      }),
      { numRuns: 500 },
    )
  })

  it("gets every piece that somebody has, with any memory, if peers answer", () => {
    fc.assert(
      fc.property(shape, (s) => {
        const w = world(s)
        for (let round = 0; round < 500; round++) {
          for (const peer of w.peers) {
            w.picker.pickBlocks(peer, 3, 0, (block) => peer.asked.add(block))
            for (const block of [...peer.asked]) answer(w, peer, block)
          }
        }
        for (let piece = 0; piece < w.layout.pieceCount; piece++) {
          expect(w.table.is(piece, "have")).toBe(w.peers.some((peer) => peer.hasPiece(piece)))
        }
      }),
      { numRuns: 300 },
    )
  })

  it("finds something to double for an idle peer at the end, so that the last block never hangs on one peer", () => {
    const w = world({
      length: 4 * BLOCK_LENGTH,
      pieceLength: 2 * BLOCK_LENGTH,
      peers: [[true], [true]],
      memory: 4,
      seed: 1,
    })
    const [slow, idle] = w.peers as [Peer, Peer]
    w.picker.pickBlocks(slow, 10, 0, (block) => slow.asked.add(block))
    expect(w.picker.pickBlocks(idle, 10, 0, () => {})).toBe(0)
    const limits = { maxCopies: 2, openedBefore: Number.POSITIVE_INFINITY }
    w.picker.pickDuplicates(idle, 10, limits, (block) => idle.asked.add(block))
    expect([...idle.asked].sort()).toEqual([...slow.asked].sort())
    expect(w.picker.pickDuplicates(idle, 10, limits, () => {})).toBe(0)
  })

  it("takes partial pieces first, and serves a reader's piece before all others", () => {
    const w = world({
      length: 40 * BLOCK_LENGTH,
      pieceLength: 4 * BLOCK_LENGTH,
      peers: [[true], [true]],
      memory: 6,
      seed: 3,
    })
    const [first, second] = w.peers as [Peer, Peer]
    let opened: number | undefined
    w.picker.pickBlocks(first, 1, 0, (block) => {
      opened = w.layout.pieceOfBlock(block)
    })
    const deadline = opened === 9 ? 8 : 9
    w.picker.setDeadline(deadline, 0)
    const order: number[] = []
    w.picker.pickBlocks(second, 7, 0, (block) => order.push(w.layout.pieceOfBlock(block)))
    expect(order).toEqual([deadline, deadline, deadline, deadline, opened, opened, opened])
  })

  it("gives web seeds runs that do not overlap, and everything comes back when they are released", () => {
    fc.assert(
      fc.property(shape, fc.array(fc.integer({ min: 1, max: 20 * BLOCK_LENGTH }), { maxLength: 8 }), (s, lengths) => {
        const w = world(s)
        const runs: Run[] = []
        for (const length of lengths) {
          const run =
            w.picker.runs.pick({ has: () => true, maxBytes: length, after: runs.at(-1)?.end }) ??
            w.picker.runs.split(() => true)?.run
          if (run !== undefined) runs.push(run)
          w.table.assertInvariants()
        }
        const covered = runs.flatMap((run) => Array.from({ length: run.remaining }, (_, i) => run.next + i))
        expect(new Set(covered).size).toBe(covered.length)
        for (const piece of covered) expect(w.table.is(piece, "reserved")).toBe(true)
        for (const run of runs) w.picker.runs.release(run)
        expect(w.table.count("missing")).toBe(w.layout.pieceCount)
      }),
      { numRuns: 300 },
    )
  })

  it("lets a peer take the tail of a web seed's run when nothing else is missing", () => {
    const w = world({ length: 8 * BLOCK_LENGTH, pieceLength: BLOCK_LENGTH, peers: [[true]], memory: 6, seed: 2 })
    const run = w.picker.runs.pick({ has: () => true, maxBytes: 8 * BLOCK_LENGTH, after: undefined })!
    let shortened = 0
    run.onShortened = () => shortened++
    const asked: number[] = []
    w.picker.pickBlocks(w.peers[0]!, 2, 0, (block) => asked.push(block))
    expect(asked).toEqual([7, 6])
    expect(run.end).toBe(6)
    expect(shortened).toBe(2)
  })

  it("drops an open piece that nobody can complete, so that its memory serves another", () => {
    const w = world({
      length: 4 * BLOCK_LENGTH,
      pieceLength: 2 * BLOCK_LENGTH,
      peers: [
        [true, false],
        [false, true],
      ],
      memory: 1,
      seed: 5,
    })
    const [gone, stays] = w.peers as [Peer, Peer]
    w.picker.pickBlocks(gone, 1, 0, (block) => gone.asked.add(block))
    for (const block of gone.asked) answer(w, gone, block)
    expect(w.picker.pickBlocks(stays, 1, 0, () => {})).toBe(0)
    expect(w.picker.dropHopeless((piece) => stays.hasPiece(piece))).toBe(true)
    expect(w.picker.pickBlocks(stays, 1, 0, () => {})).toBe(1)
  })
})
