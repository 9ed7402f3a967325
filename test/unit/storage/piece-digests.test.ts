import { describe, expect, it } from "vitest"
import type { TorrentVersion } from "../../../src/metainfo/metainfo.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import {
  DIGEST_LENGTH,
  digestingOf,
  digestPieces,
  isExpected,
  SHA1_LENGTH,
} from "../../../src/storage/piece-digests.js"
import { digester } from "../../support/torrents.js"
import { draftTorrent, withLayers } from "../../support/v2-torrents.js"
import { World } from "./fixture.js"

/** Several pieces, one of some blocks, one short of a block, one byte, and several pieces again. */
const FILES = { "a.bin": 70_000, "b.bin": 32_768, "c.bin": 16_383, d: 1, e: 40_000 }

/** Which pieces are right, once `spoil` has changed them; and which would be with other digests. */
async function check(
  version: TorrentVersion,
  spoil: (bytes: Uint8Array) => void = () => {},
  written = (torrent: Uint8Array): Uint8Array => torrent,
) {
  const world = new World()
  const { torrent, data } = draftTorrent(FILES, { version })
  const metainfo = parseTorrent(written(torrent), digester)
  const { layout } = metainfo
  const pieces = Array.from({ length: layout.pieceCount }, (_, piece) => piece)
  const bytes = pieces.map((piece) => {
    const whole = new Uint8Array(new SharedArrayBuffer(layout.pieceSize(piece)))
    for (const [file, { offset, length }] of layout.files.entries()) {
      const from = Math.max(offset, layout.pieceOffset(piece))
      const to = Math.min(offset + length, layout.pieceOffset(piece) + layout.pieceSize(piece))
      if (from < to) whole.set(data[file]!.subarray(from - offset, to - offset), from - layout.pieceOffset(piece))
    }
    spoil(whole)
    return whole
  })
  const digesting = digestingOf(metainfo, world.platform.hasher)
  const digests = await world.run(digestPieces(digesting, pieces, bytes))
  const rightWith = (all: Uint8Array): boolean[] =>
    pieces.map((piece) => isExpected(metainfo, digesting, piece, all, piece))
  return { right: rightWith(digests), digests, rightWith }
}

describe.each(["v1", "v2", "hybrid"] as const)("pieces of a %s torrent", (version) => {
  it("are right as they are", async () => {
    const { right } = await check(version)
    expect(new Set(right)).toEqual(new Set([true]))
  })

  it("are wrong with one wrong bit", async () => {
    const { right } = await check(version, (bytes) => {
      bytes[0]! ^= 1
    })
    expect(new Set(right)).toEqual(new Set([false]))
  })
})

it("of a hybrid must have both hashes right", async () => {
  const { digests, rightWith } = await check("hybrid")
  for (const at of [0, SHA1_LENGTH - 1, SHA1_LENGTH, DIGEST_LENGTH.hybrid - 1]) {
    const changed = digests.slice()
    changed[at]! ^= 1
    const [first, ...others] = rightWith(changed)
    expect(first).toBe(false)
    expect(new Set(others)).toEqual(new Set([true]))
  }
})

it.each([0, 1])("of a hybrid that has %i of its 2 piece layers are right by their SHA-1", async (count) => {
  const spoil = (bytes: Uint8Array): void => {
    bytes[0]! ^= 1
  }
  const written = (torrent: Uint8Array): Uint8Array => withLayers(torrent, count)
  expect(new Set((await check("hybrid", undefined, written)).right)).toEqual(new Set([true]))
  expect(new Set((await check("hybrid", spoil, written)).right)).toEqual(new Set([false]))
})
