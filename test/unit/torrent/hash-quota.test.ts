import { expect, it } from "vitest"
import { HashQuota } from "../../../src/torrent/giving/hash-quota.js"

it("a peer makes us read thirty pieces for their hashes in a minute, and keeps no other from the same", () => {
  const quota = new HashQuota<string>(100)
  const request = { root: new Uint8Array(32), base: 0, index: 0, length: 2, proofLayers: 0 }
  const reads = (peer: string, now: number): number =>
    Array.from({ length: 40 }, () => quota.allows(peer, request, true, now)).filter(Boolean).length
  expect(reads("one", 0)).toBe(30)
  expect(reads("one", 59_999)).toBe(0)
  expect(reads("another", 59_999)).toBe(30)
  expect(reads("one", 60_000)).toBe(30)
})
