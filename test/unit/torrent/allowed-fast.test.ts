import { createHash } from "node:crypto"
import { describe, expect, test } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import type { PeerSession } from "../../../src/peer/peer-session.js"
import { allowedFastSet, allowFastPieces } from "../../../src/torrent/giving/allowed-fast.js"
import { digester } from "../../support/torrents.js"

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

describe("a newcomer is allowed", () => {
  const MiB = 1 << 20
  function allowed(pieceLength: number, options: { fast?: boolean; lacks?: readonly number[] } = {}): number[] {
    const file = { path: "a", offset: 0, length: 100 * pieceLength, padding: false }
    const layout = new TorrentLayout(pieceLength, [file])
    const have = new Bitfield(layout.pieceCount)
    have.fill()
    for (const piece of options.lacks ?? []) have.delete(piece)
    const pieces: number[] = []
    const session = {
      fast: options.fast ?? true,
      remote: { host: "80.4.4.200", port: 6881 },
      uploader: { allowFast: (piece: number) => pieces.push(piece) },
    }
    allowFastPieces(session as unknown as PeerSession, { infoHash, layout, hasher: digester, have })
    return pieces
  }

  test.each([
    [MiB / 4, 10],
    [MiB, 8],
    [4 * MiB, 2],
    [64 * MiB, 1],
  ])("of pieces of %d bytes %d", (pieceLength, count) => {
    expect(allowed(pieceLength)).toHaveLength(count)
  })

  test("none that are not there, and nothing without the fast extension", () => {
    const [first, ...others] = allowed(MiB)
    expect(allowed(MiB, { lacks: [first!] })).toEqual(others)
    expect(allowed(MiB, { fast: false })).toEqual([])
  })
})
