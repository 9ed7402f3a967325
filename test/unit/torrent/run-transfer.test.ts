import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.js"
import type { Slot } from "../../../src/storage/slots.js"
import { BLOCKS_PER_PIECE, Stage, StagePeer, StageRun } from "./stage.js"

const PIECE = BLOCKS_PER_PIECE * BLOCK_LENGTH
const PIECES = 7
const WEB_SEED = 100

/** A run over the whole torrent. */
function wholeRun(stage: Stage): StageRun {
  const run = StageRun.start(stage, WEB_SEED, stage.layout.pieceCount * PIECE)
  if (run === undefined) throw new Error("there is nothing to fetch")
  return run
}

describe("a web seed's run", () => {
  it("fills piece after piece, the short last one too", async () => {
    const stage = new Stage({ pieces: PIECES, capacity: PIECES })
    const run = wholeRun(stage)
    while (!run.over) run.deliver(10_007)
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
    expect(run.wasted).toBe(0)
  })

  it("pauses its source when there is no memory, and goes on with the very next byte when there is", async () => {
    const stage = new Stage({ pieces: 3, capacity: 2 })
    const run = wholeRun(stage)
    run.deliver(2 * PIECE + 100)
    expect(run.paused).toBe(true)
    expect(run.transfer.waiting).toBe(true)
    run.transfer.retry()
    expect(run.paused).toBe(true)
    stage.onFreed = () => run.transfer.retry()
    await stage.store.settle()
    expect(run.paused).toBe(false)
    expect(run.transfer.waiting).toBe(false)
    run.deliver(PIECE)
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
  })

  it("keeps the bytes that came before the pause, over several pieces' worth of waiting", async () => {
    const stage = new Stage({ pieces: PIECES, capacity: 2 })
    const run = wholeRun(stage)
    stage.onFreed = () => run.transfer.retry()
    run.deliver(stage.layout.length)
    for (let freed = 0; freed < PIECES - 3; freed++) {
      await stage.store.settle()
      expect(run.paused).toBe(true)
    }
    await stage.store.settleAll()
    expect(run.paused).toBe(false)
    expect(stage.table.remaining).toBe(0)
  })

  it("keeps the order of bytes that come although it asked for a pause", async () => {
    const stage = new Stage({ pieces: 4, capacity: 2 })
    const run = wholeRun(stage)
    stage.onFreed = () => run.transfer.retry()
    run.deliver(2 * PIECE + 100)
    expect(run.paused).toBe(true)
    run.paused = false
    run.deliver(5000)
    await stage.store.settleAll()
    run.deliver(stage.layout.length)
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
    expect(stage.heard.filter((line) => line.startsWith("corrupt"))).toEqual([])
  })

  it("skips blocks that others gave first, and counts them as wasted", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    const run = wholeRun(stage)
    run.deliver(10)
    expect(stage.give(1, 0, 1)).toBe(true)
    while (!run.over) run.deliver(5000)
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
    expect(run.wasted).toBe(BLOCK_LENGTH)
  })

  it("counts as wasted all of a block that a peer takes over in the middle", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    const run = wholeRun(stage)
    run.deliver(5000)
    expect(stage.give(1, 0, 0)).toBe(true)
    while (!run.over) run.deliver(5000)
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
    expect(run.wasted).toBe(BLOCK_LENGTH)
  })

  it("takes a block over from a peer in the middle", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    const run = wholeRun(stage)
    const slow = new StagePeer(stage, 1, false)
    slow.ask()
    slow.begin()
    slow.write(100)
    while (!run.over) run.deliver(5000)
    slow.write(BLOCK_LENGTH)
    slow.end()
    await stage.store.settleAll()
    expect(stage.table.remaining).toBe(0)
    expect(stage.heard.filter((line) => line.startsWith("corrupt"))).toEqual([])
  })

  it("leaves what it has not come to, and its half block, to others when it is cut", () => {
    const stage = new Stage({ pieces: 3, capacity: 3 })
    const run = wholeRun(stage)
    run.deliver(PIECE + BLOCK_LENGTH + 100)
    run.end()
    stage.table.assertInvariants()
    expect(stage.table.count("reserved")).toBe(0)
    expect(stage.table.state(2)).toBe("missing")
    const open = stage.table.open.get(1)
    expect(open?.receivedCount).toBe(1)
    expect(open?.nextUnasked()).toBe(1)
    expect(open?.inRun).toBe(false)
    expect(run.delivered - run.wasted).toBe(PIECE + BLOCK_LENGTH)
  })

  it("starts inside a piece that others left half done", async () => {
    const stage = new Stage({ pieces: 1, capacity: 2 })
    stage.open(0)
    expect(stage.give(1, 0, 0)).toBe(true)
    const run = wholeRun(stage)
    while (!run.over) run.deliver(300)
    await stage.store.settleAll()
    expect(run.delivered).toBe(777)
    expect(stage.table.remaining).toBe(0)
  })

  it("comes to its end when peers take the tail of which it holds the bytes already", async () => {
    const stage = new Stage({ pieces: PIECES, capacity: 3 })
    const run = wholeRun(stage)
    stage.onFreed = () => run.transfer.retry()
    run.deliver(stage.layout.length)
    expect(run.transfer.waiting).toBe(true)
    // The memory that is freed goes to a peer first, which takes the last pieces of the run.
    const held: Slot[] = []
    stage.onFreed = () => held.push(stage.slots.acquire()!)
    await stage.store.settleAll()
    const peer = new StagePeer(stage, 1, true)
    for (const slot of held) stage.slots.release(slot)
    for (let n = 0; n < 3; n++) {
      for (let blocks = 0; blocks < BLOCKS_PER_PIECE; blocks++) peer.give()
    }
    run.transfer.retry()
    stage.onFreed = () => run.transfer.retry()
    await stage.store.settleAll()
    run.deliver(1)
    expect(run.transfer.waiting).toBe(false)
    expect(run.over).toBe(true)
    expect(stage.table.remaining).toBe(0)
  })
})

type PeerAction = "give" | "ask" | "begin" | "write" | "end" | "drop"
type Step =
  | { kind: "chunk"; length: number }
  | { kind: "peer"; peer: number; action: PeerAction; length: number }
  | { kind: "settle"; which: number }
  | { kind: "hog" }
  | { kind: "free" }
  | { kind: "cut" }

const length = fc.oneof(
  fc.integer({ min: 1, max: BLOCK_LENGTH }),
  fc.constantFrom(1, BLOCK_LENGTH - 1, BLOCK_LENGTH, BLOCK_LENGTH + 1, 3 * PIECE),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("chunk" as const), length }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("peer" as const),
      peer: fc.nat(2),
      action: fc.constantFrom<PeerAction>(
        "give",
        "give",
        "give",
        "give",
        "ask",
        "begin",
        "begin",
        "write",
        "end",
        "drop",
      ),
      length: fc.constantFrom(5000, BLOCK_LENGTH, BLOCK_LENGTH),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("settle" as const), which: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ kind: "hog" }, { kind: "free" }, { kind: "cut" }) },
)

/** A web seed, two honest peers and a liar at the same pieces, in any order, with memory that comes and goes. */
class Scenario {
  readonly stage: Stage
  readonly peers: StagePeer[]
  readonly runs: StageRun[] = []
  readonly hogged: Slot[] = []

  constructor(seed: number) {
    this.stage = new Stage({ pieces: PIECES, capacity: 3, seed })
    this.peers = [1, 2, 3].map((id) => new StagePeer(this.stage, id, id !== 3))
    this.stage.onFreed = () => this.retry()
  }

  get run(): StageRun | undefined {
    const last = this.runs[this.runs.length - 1]
    if (last !== undefined && !last.over) return last
    const next = StageRun.start(this.stage, WEB_SEED, 3 * PIECE)
    if (next !== undefined) this.runs.push(next)
    return next
  }

  retry(): void {
    for (const run of this.runs) if (!run.over && run.transfer.waiting) run.transfer.retry()
  }

  async play(what: Step): Promise<void> {
    const { slots, store } = this.stage
    if (what.kind === "chunk") this.run?.deliver(what.length)
    else if (what.kind === "settle") await store.settle(what.which % Math.max(1, store.underWay.length))
    else if (what.kind === "cut") this.run?.end()
    else if (what.kind === "hog") {
      const slot = slots.acquire()
      if (slot !== undefined) this.hogged.push(slot)
    } else if (what.kind === "free") {
      const slot = this.hogged.pop()
      if (slot !== undefined) slots.release(slot)
      this.retry()
    } else {
      const peer = this.peers[what.peer]!
      if (what.action === "write") peer.write(what.length)
      else peer[what.action]()
    }
  }

  check(): void {
    const { table, slots } = this.stage
    table.assertInvariants()
    const held = table.count("open") + table.count("committing") + this.hogged.length
    if (slots.inUse !== held) throw new Error(`${slots.inUse} slots are in use, ${held} should be`)
    for (const { wasted, delivered } of this.runs) {
      if (wasted > delivered) throw new Error("bytes are miscounted")
    }
  }

  /** The peers go, memory comes back, and the web seed alone does what is left. */
  async finish(): Promise<void> {
    for (const peer of this.peers) peer.drop()
    // What they left half done must not hold all of the memory: the torrent gives it up in its tick.
    while (this.stage.picker.dropHopeless(() => false));
    for (const slot of this.hogged.splice(0)) this.stage.slots.release(slot)
    this.retry()
    for (let n = 0; n < 20 * PIECES && this.stage.table.remaining > 0; n++) {
      this.run?.deliver(PIECE)
      await this.stage.store.settleAll()
    }
    this.run?.end()
  }
}

describe("a web seed and peers at the same pieces", () => {
  it("bring every byte to its place, whatever the chunks, take-overs, lies and shortage of memory", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(step, { maxLength: 150 }), async (seed, steps) => {
        const scenario = new Scenario(seed)
        for (const what of steps) {
          await scenario.play(what)
          scenario.check()
        }
        await scenario.finish()
        scenario.check()
        const { stage } = scenario
        expect(stage.table.remaining).toBe(0)
        for (let piece = 0; piece < PIECES; piece++) {
          expect(Buffer.compare(stage.store.saved.get(piece)!, stage.store.right(piece))).toBe(0)
        }
        expect(stage.slots.inUse).toBe(0)
        // Nobody but the liar is ever blamed.
        expect([...stage.guilty].filter((source) => source !== 3)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})
