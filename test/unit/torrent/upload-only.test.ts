import { describe, expect, it } from "vitest"
import { UploadOnly } from "../../../src/torrent/upload-only.js"
import { ManualClock } from "../peer/harness.js"
import { Stage } from "./stage.js"

function setUp(options: { mayWant?: boolean; disguised?: boolean } = {}) {
  const stage = new Stage({ pieces: 3, capacity: 3 })
  const clock = new ManualClock()
  const { mayWant = false, disguised = false } = options
  const uploadOnly = new UploadOnly({
    table: stage.table,
    clock,
    mayWant: () => mayWant,
    disguised: () => disguised,
  })
  const wantNothing = () => stage.table.select(stage.table.have)
  return { stage, clock, uploadOnly, wantNothing }
}

describe("whether we want nothing", () => {
  it("is not so as long as something is missing", () => {
    const { uploadOnly } = setUp()
    expect([uploadOnly.value, uploadOnly.update(), uploadOnly.partialSeed]).toEqual([false, false, false])
  })

  it("is so when all is there, at once", async () => {
    const { stage, uploadOnly } = setUp()
    for (const piece of [0, 1, 2]) {
      stage.open(piece)
      for (let index = 0; index < stage.layout.blockCount(piece); index++) stage.give(1, piece, index)
    }
    await stage.store.settleAll()
    expect([uploadOnly.update(), uploadOnly.value, uploadOnly.partialSeed]).toEqual([true, true, false])
    expect(uploadOnly.update()).toBe(false)
  })

  it("is so when nothing was wanted for ten seconds: a reader may have paused", () => {
    const { clock, uploadOnly, wantNothing } = setUp()
    wantNothing()
    clock.advance(9_999)
    expect(uploadOnly.update()).toBe(false)
    clock.advance(1)
    expect([uploadOnly.update(), uploadOnly.value, uploadOnly.partialSeed]).toEqual([true, true, true])
  })

  it("is not said while we pass for one who has nothing (BEP 16)", () => {
    const { clock, uploadOnly, wantNothing } = setUp({ disguised: true })
    wantNothing()
    clock.advance(60_000)
    expect([uploadOnly.update(), uploadOnly.value]).toEqual([false, false])
  })

  it("is not so while something may be selected or read", () => {
    const { clock, uploadOnly, wantNothing } = setUp({ mayWant: true })
    wantNothing()
    clock.advance(60_000)
    expect([uploadOnly.update(), uploadOnly.value]).toEqual([false, false])
  })
})
