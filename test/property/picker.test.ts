import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Bitfield } from "../../src/bytes/bitfield.js"
import { BLOCK_LENGTH, TorrentLayout } from "../../src/metainfo/layout.js"
import type { BlockSource } from "../../src/picker/block-source.js"
import { Fellows } from "../../src/picker/fellows.js"
import type { OpenPiece, PieceBuffer, Writer } from "../../src/picker/open-piece.js"
import { Picker } from "../../src/picker/picker.js"
import { PieceTable } from "../../src/picker/piece-table.js"
import type { Run } from "../../src/picker/run.js"
import { seededRandom } from "../support/seeded-random.js"

const USED_BEFORE = 9

class Memory {
  readonly capacity: number
  inUse = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  acquire(): PieceBuffer | undefined {
    if (this.inUse >= this.capacity) return undefined
    this.inUse++
    return { bytes: new Uint8Array(1 << 17).fill(USED_BEFORE) }
  }

  release(): void {
    this.inUse--
  }
}

class Peer implements BlockSource, Writer {
  destination: Uint8Array | null = null
  readonly asked = new Set<number>()
  onlyPieces: ReadonlySet<number> | undefined
  readonly id: number
  readonly pieces: Bitfield

  constructor(id: number, pieces: Bitfield) {
    this.id = id
    this.pieces = pieces
  }

  get counted(): boolean {
    return !this.pieces.complete
  }

  get pieceCount(): number {
    return this.pieces.count
  }

  hasPiece(piece: number): boolean {
    return this.pieces.has(piece)
  }

  isAsked(block: number): boolean {
    return this.asked.has(block)
  }
}

function peerId(of: number): Uint8Array {
  return new Uint8Array(20).fill(of)
}

interface World {
  layout: TorrentLayout
  table: PieceTable
  picker: Picker
  peers: Peer[]
}

function world(options: {
  length: number
  /** Where padding begins, ends, begins again and so on, as shares of the length; ascending. */
  padding?: number[]
  pieceLength: number
  peers: boolean[][]
  memory: number
  seed: number
}): World {
  const { length, pieceLength, padding = [] } = options
  const ends = [...padding.map((share) => Math.floor(share * length)), length]
  const files = ends.map((end, i) => {
    const offset = ends[i - 1] ?? 0
    return { path: `f${i}`, offset, length: end - offset, padding: i % 2 === 1 }
  })
  const layout = new TorrentLayout(pieceLength, files)
  const random = seededRandom(options.seed)
  const wanted = new Bitfield(layout.pieceCount)
  wanted.fill()
  const memory = new Memory(options.memory)
  const table = new PieceTable({ layout, memory, random, have: new Bitfield(layout.pieceCount), wanted })
  const fellows = new Fellows(peerId(0))
  for (let other = 1; other <= options.seed % 3; other++) fellows.add(other, peerId(other))
  const picker = new Picker(table, random, fellows)
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

/** A torrent of so many pieces, each of one block, and a seed of it. */
function smallPieces(pieceCount: number, { memory }: { memory: number }): World {
  return world({ length: pieceCount * BLOCK_LENGTH, pieceLength: BLOCK_LENGTH, peers: [[true]], memory, seed: 1 })
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
  padding: fc
    .array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 })
    .map((shares) => shares.sort((a, b) => a - b)),
  pieceLength: fc.constantFrom(BLOCK_LENGTH, 2 * BLOCK_LENGTH, 4 * BLOCK_LENGTH, 20_000),
  peers: fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }),
  memory: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(),
})

describe("the picker", () => {
  it("asks no two peers for the same block outside end-game, and never one who lacks it", () => {
    const turn = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 }), fc.boolean())
    fc.assert(
      fc.property(shape, fc.array(turn, { maxLength: 60 }), (s, turns) => {
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

  it("asks for blocks that have content, and fills with zeros those that have none", () => {
    fc.assert(
      fc.property(shape, (s) => {
        const w = world({ ...s, peers: [[true]] })
        const { layout } = w
        const seed = w.peers[0]!
        const opened = new Set<OpenPiece>()
        const asked = new Set<number>()
        const ask = (block: number): void => {
          opened.add(w.table.open.get(layout.pieceOfBlock(block))!)
          asked.add(block)
          seed.asked.add(block)
        }
        while (w.picker.pickBlocks(seed, 5, 0, ask) > 0) for (const block of [...seed.asked]) answer(w, seed, block)
        expect(w.table.remaining).toBe(0)
        for (const open of opened) {
          for (let index = 0; index < open.blockCount; index++) {
            const block = layout.block(open.piece, index)
            const offset = layout.pieceOffset(open.piece) + index * BLOCK_LENGTH
            const hasContent = layout.extents(offset, layout.blockLength(block)).length > 0
            // A piece of padding alone is received like any other.
            const needed = hasContent || layout.dataSize(open.piece) === 0
            expect(asked.has(block)).toBe(needed)
            expect(open.block(index).every((byte) => byte === (needed ? USED_BEFORE : 0))).toBe(true)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it("finds something to double for an idle peer at the end, so that the last block never hangs on one peer", () => {
    const w = world({
      length: 4 * BLOCK_LENGTH,
      pieceLength: 2 * BLOCK_LENGTH,
      peers: [[true], [true], [true]],
      memory: 4,
      seed: 1,
    })
    const [slow, idle, third] = w.peers as [Peer, Peer, Peer]
    w.picker.pickBlocks(slow, 10, 0, (block) => slow.asked.add(block))
    expect(w.picker.pickBlocks(idle, 10, 0, () => {})).toBe(0)
    const limits = { maxCopies: 2, openedBefore: Number.POSITIVE_INFINITY }
    w.picker.pickDuplicates(idle, 10, limits, (block) => idle.asked.add(block))
    expect([...idle.asked].sort()).toEqual([...slow.asked].sort())
    expect(w.picker.pickDuplicates(idle, 10, limits, () => {})).toBe(0)
    expect(w.picker.pickDuplicates(third, 10, limits, () => {})).toBe(0)
    expect(w.picker.pickDuplicates(third, 10, { ...limits, maxCopies: 3 }, () => {})).toBe(4)
  })

  it("asks a seed for what only seeds have, and leaves the rest of other pieces to those who can give them", () => {
    const pieceLength = 4 * BLOCK_LENGTH
    const w = world({ length: 10 * pieceLength, pieceLength, peers: [[true], [true, false]], memory: 10, seed: 0 })
    const [seed, fellow] = w.peers as [Peer, Peer]
    w.picker.pickBlocks(fellow, 3 * 4 + 1, 0, (block) => fellow.asked.add(block))
    const order: number[] = []
    w.picker.pickBlocks(seed, 5 * 4 + 3, 0, (block) => order.push(w.layout.pieceOfBlock(block)))
    const begun = w.layout.pieceOfBlock([...fellow.asked].at(-1)!)
    expect(new Set(order.slice(0, 20).map((piece) => piece % 2))).toEqual(new Set([1]))
    expect(order.slice(20)).toEqual([begun, begun, begun])
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
            w.picker.runs.split(() => true)
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

  it("gives the second half of a run to another web seed, and the first one hears of it", () => {
    const w = world({ length: 8 * BLOCK_LENGTH, pieceLength: BLOCK_LENGTH, peers: [[true]], memory: 6, seed: 2 })
    const run = w.picker.runs.pick({ has: () => true, maxBytes: 8 * BLOCK_LENGTH, after: undefined })!
    let shortenedTo: number | undefined
    run.onShortened = () => {
      shortenedTo = run.end
    }
    expect(w.picker.runs.split(() => true)).toMatchObject({ next: 4, end: 8 })
    expect(shortenedTo).toBe(4)
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

  it("asks a peer that chokes us for its few allowed pieces alone, without a search among all", () => {
    const pieceCount = 20_000
    const w = smallPieces(pieceCount, { memory: 4 })
    let looks = 0
    const source: BlockSource = {
      id: 9,
      counted: false,
      onlyPieces: new Set([5, 7]),
      pieceCount: 2,
      hasPiece: (piece) => {
        looks++
        return piece === 5 || piece === 7
      },
      isAsked: () => false,
    }
    const asked: number[] = []
    w.picker.pickBlocks(source, 10, 0, (block) => asked.push(block))
    expect(asked.sort()).toEqual([5, 7])
    expect(looks).toBeLessThan(50)
  })

  it("finds every gap for a web seed, and does not search all of many pieces for each run", () => {
    const pieceCount = 300_000
    const w = smallPieces(pieceCount, { memory: 1 })
    for (let piece = 0; piece < pieceCount; piece++) if (piece % 1000 >= 2) w.table.found(piece)
    let looks = 0
    const has = (): boolean => {
      looks++
      return true
    }
    const wish = { has, maxBytes: 2 * BLOCK_LENGTH, after: undefined, canStart: has }
    const gaps = new Set<number>()
    for (let run = w.picker.runs.pick(wish); run !== undefined; run = w.picker.runs.pick(wish)) {
      expect(run.end - run.next).toBe(2)
      gaps.add(run.next)
    }
    expect(gaps.size).toBe(pieceCount / 1000)
    // Each of 300 runs would look at all that are missing, 300 on average.
    expect(looks).toBeLessThan(50_000)
  })

  it("looks among all pieces once for a peer that has none of the missing ones, until it or we change", () => {
    const pieceCount = 20_000
    const w = smallPieces(pieceCount, { memory: 10 })
    let looks = 0
    const source = {
      id: 9,
      counted: false,
      onlyPieces: undefined,
      pieceCount: 0,
      hasPiece: (piece: number) => {
        looks++
        return piece < source.pieceCount
      },
      isAsked: () => false,
    }
    const pick = (): number => w.picker.pickBlocks(source, 1, 0, () => {})
    for (let turn = 0; turn < 100; turn++) expect(pick()).toBe(0)
    expect(looks).toBeLessThan(2 * pieceCount)
    source.pieceCount = 1
    expect(pick()).toBe(1)
    expect(pick()).toBe(0)
    w.table.drop(w.table.open.get(0)!)
    expect(pick()).toBe(1)
  })

  it("spends little on tens of thousands of pieces that readers wait for, and serves them in their order", () => {
    const pieceCount = 20_000
    const w = smallPieces(pieceCount, { memory: 200 })
    for (let piece = 0; piece < pieceCount; piece++) w.picker.setDeadline(piece, piece)
    const order: number[] = []
    for (let turn = 0; turn < 10; turn++) w.picker.pickBlocks(w.peers[0]!, 20, 0, (block) => order.push(block))
    expect(order).toEqual(Array.from({ length: 200 }, (_, piece) => piece))
    let looks = 0
    const other: BlockSource = {
      id: 9,
      counted: false,
      onlyPieces: undefined,
      pieceCount: 2,
      hasPiece: () => {
        looks++
        return true
      },
      isAsked: () => false,
    }
    expect(w.picker.pickBlocks(other, 20, 0, () => {})).toBe(0)
    expect(looks).toBeLessThan(70)
  })

  it("asks again at once for a reader's piece whose asker failed", () => {
    const w = world({
      length: 40 * BLOCK_LENGTH,
      pieceLength: 4 * BLOCK_LENGTH,
      peers: [[true], [true]],
      memory: 6,
      seed: 3,
    })
    const [first, second] = w.peers as [Peer, Peer]
    w.picker.setDeadline(8, 0)
    w.picker.setDeadline(9, 1)
    w.picker.pickBlocks(first, 4, 0, (block) => first.asked.add(block))
    const open = w.table.open.get(8)!
    for (const block of first.asked) open.unask(w.layout.indexOfBlock(block))
    w.table.settle(open)
    const order: number[] = []
    w.picker.pickBlocks(second, 6, 0, (block) => order.push(w.layout.pieceOfBlock(block)))
    expect(order).toEqual([8, 8, 8, 8, 9, 9])
  })

  it("starts a web seed's run at what a reader waits for, and frees that of a run which is far from it", () => {
    const MiB = 1024 * 1024
    const w = world({ length: 64 * MiB, pieceLength: MiB, peers: [[true]], memory: 6, seed: 2 })
    const await_ = (piece: number): void => {
      w.table.want(piece)
      w.picker.setDeadline(piece, piece)
    }
    await_(20)
    const run = w.picker.runs.pick({ has: () => true, maxBytes: 32 * MiB, after: 0 })!
    expect([run.next, run.end]).toEqual([20, 52])
    await_(23)
    expect(run.end).toBe(52)
    await_(40)
    expect(run.end).toBe(40)
    expect(w.picker.runs.pick({ has: () => true, maxBytes: 2 * MiB, after: 0 })?.next).toBe(40)
    w.table.assertInvariants()
  })

  it("gives up what another selection does not need, and gets what it does, whatever was under way", () => {
    fc.assert(
      fc.property(
        shape,
        fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
        fc.nat(39),
        (s, selected, awaited) => {
          const w = world(s)
          const run = w.picker.runs.pick({ has: () => true, maxBytes: s.length / 2, after: undefined })
          for (const peer of w.peers) w.picker.pickBlocks(peer, 3, 0, (block) => peer.asked.add(block))
          const wanted = new Bitfield(w.layout.pieceCount)
          for (let piece = 0; piece < w.layout.pieceCount; piece++) if (selected[piece]) wanted.add(piece)
          const piece = awaited % w.layout.pieceCount
          w.table.want(piece)
          w.table.select(wanted)
          const cancelled = new Set<number>()
          w.picker.dropUnwanted((block) => cancelled.add(block))
          const isWanted = (block: number): boolean => w.table.isWanted(w.layout.pieceOfBlock(block))
          const asked = w.peers.flatMap((peer) => [...peer.asked])
          expect(cancelled).toEqual(new Set(asked.filter((block) => !isWanted(block))))
          for (let next = run?.next ?? 0; next < (run?.end ?? 0); next++) expect(w.table.isWanted(next)).toBe(true)
          if (run !== undefined) w.picker.runs.release(run)
          w.table.assertInvariants()
          wanted.add(piece)
          expect(w.table.remaining).toBe(wanted.count)
          w.table.unwant(piece)
          w.table.assertInvariants()
        },
      ),
      { numRuns: 300 },
    )
  })

  it("keeps its books when the disk loses a piece before its commit's end was heard of", () => {
    const w = world({ length: 4 * BLOCK_LENGTH, pieceLength: BLOCK_LENGTH, peers: [[true]], memory: 4, seed: 1 })
    const open = w.table.openPiece(0, 0)!
    w.table.commit(open)
    expect(w.table.lost(0)).toBe(false)
    expect(w.table.stored(open)).toBe(false)
    expect(w.table.state(0)).toBe("missing")
    const again = w.table.openPiece(0, 0)!
    w.table.commit(again)
    expect(w.table.stored(again)).toBe(true)
    w.table.assertInvariants()
  })

  it("remembers no loss of a piece that was rejected: the next one that is stored is there", () => {
    const w = smallPieces(1, { memory: 1 })
    const open = w.table.openPiece(0, 0)!
    w.table.commit(open)
    w.table.lost(0)
    w.table.rejected(open)
    const again = w.table.openPiece(0, 0)!
    w.table.commit(again)
    expect(w.table.stored(again)).toBe(true)
    w.table.assertInvariants()
  })

  it("lets nobody write on into the memory of a piece that was given up", () => {
    const w = smallPieces(1, { memory: 1 })
    const [peer] = w.peers as [Peer]
    const open = w.table.openPiece(0, 0)!
    peer.destination = open.begin(0, peer)
    expect(peer.destination).not.toBeNull()
    w.table.drop(open)
    expect(peer.destination).toBeNull()
  })

  it("does not get a piece again for a reader who has had it", () => {
    const w = smallPieces(1, { memory: 1 })
    w.table.select(new Bitfield(1))
    w.table.want(0)
    const open = w.table.openPiece(0, 0)!
    w.table.commit(open)
    w.table.stored(open)
    w.table.lost(0)
    expect(w.table.state(0)).toBe("unwanted")
    w.table.assertInvariants()
  })
})
