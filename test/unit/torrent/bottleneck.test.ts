import { describe, expect, it } from "vitest"
import { type Bottleneck, bottleneck, type Moment } from "../../../src/torrent/statistics/bottleneck.js"

/** A peer answers requests, and has room for more. */
const FLOWING: Moment = {
  limited: false,
  memoryLeft: true,
  missing: true,
  requestable: false,
  open: true,
  peerHasRoom: true,
  peerIsFull: false,
  peerIsAsked: true,
  runs: 0,
  waitingRuns: 0,
}

describe("a download waits for", () => {
  const cases: [string, Bottleneck, Partial<Moment>][] = [
    ["nothing it can name while requests are under way and more could be", "other", {}],
    ["its own limit before all", "limit", { limited: true, memoryLeft: false, peerIsFull: true }],
    ["memory, when a peer has room for more requests", "noSlot", { memoryLeft: false, peerIsFull: true }],
    ["memory, when a web seed's answer is held up", "noSlot", { memoryLeft: false, runs: 2, waitingRuns: 1 }],
    [
      "a peer, when memory is full and no peer could be asked for more",
      "windowFull",
      { memoryLeft: false, peerHasRoom: false, peerIsFull: true },
    ],
    [
      "a peer, when memory is full of pieces with blocks to ask for",
      "windowFull",
      { memoryLeft: false, requestable: true, peerIsFull: true },
    ],
    ["a peer, when its window is full", "windowFull", { peerIsFull: true, runs: 1 }],
    ["a web seed, when no peer's window is full", "webSeed", { runs: 1 }],
    ["a web seed that fetches the last pieces", "webSeed", { missing: false, runs: 1 }],
    ["the last blocks", "ending", { missing: false, peerIsFull: true }],
    ["the disk, at the end", "storing", { missing: false, open: false, peerIsAsked: false }],
    ["somebody to ask", "idle", { peerHasRoom: false, peerIsAsked: false }],
  ]
  for (const [what, expected, moment] of cases) {
    it(what, () => {
      expect(bottleneck({ ...FLOWING, ...moment })).toBe(expected)
    })
  }
})
