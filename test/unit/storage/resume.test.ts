import { describe, expect, it } from "vitest"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import { JournalState, PieceState } from "../../../src/storage/journal-state.js"
import { type FoundFile, trusted } from "../../../src/storage/resume.js"

const { absent, begun, written, done } = PieceState

/** Three files of three pieces each, but the second starts and ends in the middle of a piece: 0-2, 2-5, 5-8. */
const layout = new TorrentLayout(10, [
  { path: "a", offset: 0, length: 25, padding: false },
  { path: "b", offset: 25, length: 30, padding: false },
  { path: "c", offset: 55, length: 35, padding: false },
])

function decide(options: {
  pieces: number[]
  clean?: boolean
  sameBoot?: boolean
  found?: FoundFile[]
  bootId?: string
}) {
  const journal = new JournalState(layout.pieceCount, layout.files.length)
  journal.pieces.set(options.pieces)
  journal.home.fill()
  journal.clean = options.clean ?? false
  journal.bootId = options.bootId ?? "one"
  const decision = trusted({
    layout,
    journal,
    bootId: options.bootId ?? (options.sameBoot === false ? "two" : "one"),
    found: (file) => options.found?.[file] ?? "equal",
    random: (below) => below - 1,
  })
  return { trusted: [...decision.trusted], check: [...decision.check], sample: [...decision.sample] }
}

const mixed = [done, written, begun, absent, done, written, begun, done, absent]

describe("what a journal is worth", () => {
  it("clean, stamps equal: everything, without reading", () => {
    expect(decide({ pieces: mixed.map((state) => (state === begun ? absent : state)), clean: true })).toEqual({
      trusted: [0, 1, 4, 5, 7],
      check: [],
      sample: [],
    })
  })

  it("clean and all on the disk itself: everything, even after the machine was started anew", () => {
    const pieces = [done, done, done, done, done, done, done, done, absent]
    expect(decide({ pieces, clean: true, sameBoot: false })).toEqual({
      trusted: [0, 1, 2, 3, 4, 5, 6, 7],
      check: [],
      sample: [],
    })
  })

  it("clean, a file changed: all but that file's pieces, which are hashed", () => {
    const pieces = Array(9).fill(done)
    expect(decide({ pieces, clean: true, found: ["equal", "changed", "equal"] })).toEqual({
      trusted: [0, 1, 6, 7, 8],
      check: [2, 3, 4, 5],
      sample: [],
    })
  })

  it("a file gone: its pieces are neither believed nor read", () => {
    const pieces = Array(9).fill(done)
    expect(decide({ pieces, clean: true, found: ["equal", "equal", "missing"] })).toEqual({
      trusted: [0, 1, 2, 3, 4],
      check: [],
      sample: [],
    })
  })

  it("not clean, same boot: done pieces; those only written or begun are hashed, as the disk may have gone", () => {
    expect(decide({ pieces: mixed, found: ["unstamped", "unstamped", "unstamped"] })).toEqual({
      trusted: [0, 4, 7],
      check: [1, 2, 5, 6],
      sample: [],
    })
  })

  it("another boot: done pieces; the others are hashed, and a sample of the done with every file in it", () => {
    const decision = decide({ pieces: mixed, sameBoot: false })
    expect(decision.trusted).toEqual([0, 4, 7])
    expect(decision.check).toEqual([1, 2, 5, 6])
    expect(decision.sample).toEqual([0, 4, 7])
  })

  it("clean but another boot, and not all on the disk itself: as if the machine had died", () => {
    const decision = decide({
      pieces: [done, written, absent, absent, done, done, done, done, done],
      clean: true,
      sameBoot: false,
    })
    expect(decision.trusted).toEqual([0, 4, 5, 6, 7, 8])
    expect(decision.check).toEqual([1])
    expect(decision.sample.length).toBeGreaterThan(0)
  })

  it("a boot that can't be known is never the same", () => {
    expect(decide({ pieces: mixed, bootId: "" }).trusted).toEqual([0, 4, 7])
  })

  it("the sample is one piece of each file and up to 64 others", () => {
    const big = new TorrentLayout(10, [{ path: "a", offset: 0, length: 10_000, padding: false }])
    const journal = new JournalState(big.pieceCount, 1)
    journal.pieces.fill(done)
    journal.home.fill()
    let next = 0
    const random = (below: number) => {
      next += 17
      return next % below
    }
    const decision = trusted({ layout: big, journal, bootId: "x", found: () => "equal", random })
    expect(decision.sample.count).toBeGreaterThan(60)
    expect(decision.sample.count).toBeLessThanOrEqual(65)
    expect([...decision.sample].every((piece) => decision.trusted.has(piece))).toBe(true)
  })
})
