import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { allowedFastSet } from "../../../src/torrent/giving/allowed-fast-set.js"

const sha1 = (data: Uint8Array) => new Uint8Array(createHash("sha1").update(data).digest())
const infoHash = new Uint8Array(20).fill(0xaa)

describe("the allowed fast set", () => {
  test.each([
    [7, [1059, 431, 808, 1217, 287, 376, 1188]],
    [9, [1059, 431, 808, 1217, 287, 376, 1188, 353, 508]],
  ])("of %d pieces is that of BEP 6", (count, expected) => {
    expect(allowedFastSet(sha1, { infoHash, host: "80.4.4.200", pieceCount: 1313, count })).toEqual(expected)
  })

  test("is the same for a whole network, and another for another", () => {
    const of = (host: string) => allowedFastSet(sha1, { infoHash, host, pieceCount: 1313, count: 10 })
    expect(of("80.4.4.1")).toEqual(of("80.4.4.200"))
    expect(of("80.4.4.1")).toHaveLength(10)
    expect(of("80.4.5.1")).not.toEqual(of("80.4.4.1"))
  })

  test("of a tiny torrent is all of it, and of an IPv6 address nothing", () => {
    expect(allowedFastSet(sha1, { infoHash, host: "80.4.4.200", pieceCount: 3, count: 10 }).sort()).toEqual([0, 1, 2])
    expect(allowedFastSet(sha1, { infoHash, host: "2001:db8::1", pieceCount: 1313, count: 10 })).toEqual([])
  })
})
