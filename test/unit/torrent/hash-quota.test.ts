import { expect, it } from "vitest"
import { HashQuota } from "../../../src/torrent/giving/hash-quota.js"

it("a host makes us read thirty pieces for their hashes in a minute, and keeps no other from the same", () => {
  const quota = new HashQuota(100)
  const request = { root: new Uint8Array(32), base: 0, index: 0, length: 2, proofLayers: 0 }
  const reads = (host: string, now: number): number =>
    Array.from({ length: 40 }, () => quota.allows(host, request, true, now)).filter(Boolean).length
  expect(reads("10.0.0.1", 0)).toBe(30)
  expect(reads("10.0.0.1", 59_999)).toBe(0)
  expect(reads("10.0.0.2", 59_999)).toBe(30)
  expect(reads("10.0.0.1", 60_000)).toBe(30)
})
