import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { AtError } from "../../../src/errors.js"
import type { Writer } from "../../../src/picker/open-piece.js"
import { Stage, StagePeer } from "./stage.js"

describe("the download half", () => {
  it("sends a piece to the store when its last block is in, and frees its memory when it is stored", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    let freed = 0
    stage.onFreed = () => {
      expect(stage.slots.inUse).toBe(0)
      freed++
    }
    stage.open(0)
    expect(stage.give(1, 0, 1)).toBe(true)
    expect(stage.store.underWay).toHaveLength(0)
    expect(stage.give(1, 0, 0)).toBe(true)
    expect(stage.table.state(0)).toBe("committing")
    await stage.store.settle()
    expect(stage.table.state(0)).toBe("have")
    expect(stage.heard).toEqual(["stored 0"])
    expect(freed).toBe(1)
  })

  it("takes no block twice, nor one of a piece that is not open", () => {
    const stage = new Stage({ pieces: 3, capacity: 2 })
    stage.open(0)
    expect(stage.give(1, 0, 0)).toBe(true)
    expect(stage.give(2, 0, 0, false)).toBe(false)
    expect(stage.give(2, 1, 0)).toBe(false)
    expect(stage.give(1, 0, 1)).toBe(true)
    expect(stage.give(2, 0, 1, false)).toBe(false)
    expect(stage.store.underWay).toHaveLength(1)
  })

  it("tells of a block that others are still asked for, so that their requests can be taken back", () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.open(0)
    stage.table.open.get(0)?.ask(1)
    stage.give(7, 0, 1)
    expect(stage.heard).toEqual(["block 1 of 7 with 1 more asked for"])
  })

  it("makes a fault of whatever goes wrong while a piece is taken in, and nothing is left unhandled", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.store.commit = () => Promise.reject(new Error("unheard of"))
    stage.open(0)
    stage.give(1, 0, 0)
    stage.give(1, 0, 1)
    await stage.intake.idle()
    expect(stage.heard).toEqual(["fault AT_BUG"])
  })

  it("detaches who still writes when the piece goes to the disk", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.open(0)
    const late: Writer = { destination: null }
    const block = stage.layout.block(0, 1)
    late.destination = stage.intake.beginBlock(block, late)
    expect(late.destination).not.toBeNull()
    stage.give(1, 0, 0)
    stage.give(1, 0, 1)
    expect(late.destination).toBeNull()
    expect(stage.intake.endBlock(block, late, 2)).toBe(false)
    await stage.store.settle()
    expect(stage.heard).toEqual(["stored 0"])
  })

  it("convicts at once the only giver of a piece that does not hash right, and fetches the piece again", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.open(0)
    stage.give(5, 0, 0)
    stage.give(5, 0, 1, false)
    await stage.store.settle()
    expect(stage.heard).toEqual([`corrupt 0, ${stage.layout.pieceLength} bytes`, "guilty 5 in 0"])
    expect(stage.table.state(0)).toBe("missing")
    expect(stage.slots.inUse).toBe(0)
  })

  it("waits for the good copy to tell which of several givers lied", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.open(0)
    stage.give(1, 0, 0)
    stage.give(2, 0, 1, false)
    await stage.store.settle()
    expect([...stage.guilty]).toEqual([])
    stage.open(0)
    stage.give(3, 0, 0)
    stage.give(3, 0, 1)
    await stage.store.settle()
    expect([...stage.guilty]).toEqual([2])
    expect(stage.table.state(0)).toBe("have")
  })

  it("names every liar of several failures, when the piece is right at last", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    for (const liar of [2, 3]) {
      stage.open(0)
      stage.give(1, 0, 0)
      stage.give(liar, 0, 1, false)
      await stage.store.settle()
    }
    stage.open(0)
    stage.give(1, 0, 0)
    stage.give(1, 0, 1)
    await stage.store.settle()
    expect([...stage.guilty].sort()).toEqual([2, 3])
  })

  it("blames nobody for what the disk did, and says what that was", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    stage.open(0)
    stage.give(1, 0, 0)
    stage.give(1, 0, 1)
    await stage.store.settle(0, new AtError("AT_DISK_FULL", "no space", { hint: "make room" }))
    expect(stage.heard).toEqual(["fault AT_DISK_FULL"])
    expect(stage.table.state(0)).toBe("missing")
    expect(stage.slots.inUse).toBe(0)
  })

  it("is idle when every commit has ended", async () => {
    const stage = new Stage({ pieces: 2, capacity: 2 })
    for (const piece of [0, 1]) {
      stage.open(piece)
      for (let index = 0; index < stage.layout.blockCount(piece); index++) stage.give(1, piece, index)
    }
    let idle = false
    const waiting = stage.intake.idle().then(() => {
      idle = true
    })
    await stage.store.settle(1)
    expect(idle).toBe(false)
    await stage.store.settle()
    await waiting
    expect(idle).toBe(true)
  })

  it("gives a block back to be asked for when its only source stops in the middle", () => {
    const stage = new Stage({ pieces: 1, capacity: 2 })
    const peer = new StagePeer(stage, 1, true)
    peer.ask()
    peer.begin()
    peer.write(100)
    const open = stage.table.open.get(0)!
    const before = open.unasked
    peer.drop()
    expect(open.unasked).toBe(before + 1)
    expect(stage.table.requestable.has(open)).toBe(true)
    expect(open.beingWritten).toBe(false)
  })
})

describe("peers at the same pieces", () => {
  const action = fc.record({
    peer: fc.nat(3),
    action: fc.constantFrom("give", "give", "give", "ask", "begin", "write", "end", "drop", "settle", "settle", "fail"),
  })

  it("leave only right pieces behind, and only liars are ever blamed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(action, { maxLength: 150 }), async (seed, actions) => {
        const stage = new Stage({ pieces: 4, capacity: 2, seed })
        const peers = [1, 2, 3, 4].map((id) => new StagePeer(stage, id, id < 3))
        const fault = new AtError("AT_DISK_IO", "refused", { hint: "look at the disk" })
        for (const { peer: index, action: what } of actions) {
          const peer = peers[index]!
          if (what === "write") peer.write(9000)
          else if (what === "settle") await stage.store.settle()
          else if (what === "fail") await stage.store.settle(0, fault)
          else peer[what]()
          stage.table.assertInvariants()
        }
        for (const peer of peers) peer.drop()
        await stage.store.settleAll()
        const [honest] = peers
        while (stage.table.remaining > 0) {
          honest!.ask()
          honest!.begin()
          honest!.write(20_000)
          honest!.end()
          await stage.store.settleAll()
        }
        for (const [piece, bytes] of stage.store.saved) {
          expect(Buffer.compare(bytes, stage.store.right(piece))).toBe(0)
        }
        expect(stage.store.saved.size).toBe(4)
        expect(stage.slots.inUse).toBe(0)
        expect([...stage.guilty].filter((source) => source < 3)).toEqual([])
      }),
      { numRuns: 200 },
    )
  })
})
