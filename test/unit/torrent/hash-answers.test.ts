import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { type HashRequest, leadsTo } from "../../../src/metainfo/hash-request.js"
import { heightOver, leafCount } from "../../../src/metainfo/merkle.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import type { Hasher } from "../../../src/ports/hasher.js"
import { HashAnswers } from "../../../src/torrent/hash-answers.js"
import { LeafCheck } from "../../../src/torrent/leaf-check.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import { digester, sha256 } from "../../support/torrents.js"
import { draftTorrent } from "../../support/v2-torrents.js"

const hasher = {
  ...digester,
  hashPieces: (_: string, pieces: readonly Uint8Array[]) =>
    Promise.resolve(new Uint8Array(Buffer.concat(pieces.map(sha256)))),
} as unknown as Hasher

const FILES = { "large.bin": 700_000, "one piece": 50_000, "one block": 5 }

function open(version: "v2" | "hybrid", have = true) {
  const drafted = draftTorrent(FILES, { version, pieceLength: 65_536 })
  const { layout, fileNodes } = parseTorrent(drafted.torrent, digester)
  const pieces = new Bitfield(layout.pieceCount)
  if (have) pieces.fill()
  const read = (piece: number, begin: number, into: Uint8Array): Promise<void> => {
    for (const extent of layout.extents(layout.pieceOffset(piece) + begin, into.length)) {
      const bytes = drafted.data[extent.file]!.subarray(extent.fileOffset, extent.fileOffset + extent.length)
      into.set(bytes, extent.pieceOffset)
    }
    return Promise.resolve()
  }
  const log = { log: () => {} }
  const answers = new HashAnswers({ layout, nodes: fileNodes!, hasher, have: pieces, read, log })
  const ask = (request: HashRequest, amChoking = false): Promise<Uint8Array | undefined> =>
    new Promise((resolve) =>
      answers.answer({ amChoking, sendHashes: (_, hashes) => resolve(hashes?.slice()) }, request),
    )
  return { layout, nodes: fileNodes!, ask, data: drafted.data }
}

describe.each(["v2", "hybrid"] as const)("hashes of a %s torrent that a peer asks for", (version) => {
  it("lead to the file's root, from the leaves and from the pieces", async () => {
    const { layout, nodes, ask } = open(version)
    for (const [file, root] of nodes.roots.entries()) {
      if (root === undefined) continue
      const blocks = leafCount(layout.files[file]!.length)
      const height = heightOver(blocks)
      for (let base = 0; base < Math.min(height, 3); base++) {
        for (let index = 0; index < Math.ceil(blocks / 2 ** base); index += 2) {
          const request = { root, base, index, length: 2, proofLayers: height - base - 1 }
          const hashes = await ask(request)
          expect(hashes, `${file} ${base} ${index}`).toBeDefined()
          expect(leadsTo(root, request, hashes!, sha256)).toBe(true)
        }
      }
    }
  })

  it("are refused where the piece is not there, the peer is choked, or there is no such thing", async () => {
    const root = open(version).nodes.roots.find((known) => known !== undefined)!
    const leaves = { root, base: 0, index: 0, length: 4, proofLayers: 0 }
    expect(await open(version).ask(leaves)).toBeDefined()
    expect(await open(version, false).ask(leaves)).toBeUndefined()
    expect(await open(version).ask(leaves, true)).toBeUndefined()
    const { ask } = open(version)
    for (const wrong of [
      { root: new Uint8Array(32) },
      { base: 6 },
      { base: 0xffffffff },
      { length: 3 },
      { length: 0 },
      { index: 1 },
      { index: 64 },
      { proofLayers: 6 },
      // More than one piece at a time below the pieces' layer.
      { length: 16 },
    ]) {
      expect(await ask({ ...leaves, ...wrong }), JSON.stringify(wrong)).toBeUndefined()
    }
  })

  it("tell at once whose block of a bad piece was wrong", async () => {
    const { layout, nodes, ask, data } = open(version)
    const asked: HashRequest[] = []
    const compared: [number, Uint8Array][] = []
    const pieces = new Bitfield(layout.pieceCount)
    pieces.fill()
    const session = { pieces, askHashes: (request: HashRequest) => asked.push(request) > 0 }
    const check = new LeafCheck({
      layout,
      nodes,
      hasher: digester,
      intake: { isSuspect: () => true, compareLeaves: (piece, leaves) => compared.push([piece, leaves]) },
      peers: () => [{ session } as unknown as PeerSource],
    })
    const file = layout.files.findIndex(({ path }) => path === "large.bin")
    const { first } = layout.piecesOfFile(file)
    check.rejected(first + 3)
    expect(asked).toHaveLength(1)
    const hashes = (await ask(asked[0]!))!
    const lie = hashes.slice()
    lie[40]! ^= 1
    check.answered(asked[0]!, lie)
    check.answered(asked[0]!, undefined)
    expect(compared).toEqual([])
    check.answered(asked[0]!, hashes)
    const blocks = [12, 13, 14, 15].map((block) => sha256(data[file]!.subarray(block * 16384, (block + 1) * 16384)))
    expect(compared).toEqual([[first + 3, new Uint8Array(Buffer.concat(blocks))]])
  })
})
