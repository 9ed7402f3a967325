import { describe, expect, it } from "vitest"
import { Bitfield } from "../../../src/bytes/bitfield.js"
import { rootOverPieces } from "../../../src/metainfo/file-hashes.js"
import { FileNodes } from "../../../src/metainfo/file-nodes.js"
import { type HashRequest, leadsTo } from "../../../src/metainfo/hash-request.js"
import { TorrentLayout } from "../../../src/metainfo/layout.js"
import { heightOver, leafCount } from "../../../src/metainfo/merkle.js"
import { parseTorrent } from "../../../src/metainfo/torrent-file.js"
import type { Hasher } from "../../../src/ports/hasher.js"
import { HashAnswers, type HashAnswersOptions } from "../../../src/torrent/giving/hash-answers.js"
import type { PeerSource } from "../../../src/torrent/peer-source.js"
import { LeafCheck } from "../../../src/torrent/receiving/leaf-check.js"
import { deferred } from "../../support/deferred.js"
import { digester, sha256 } from "../../support/torrents.js"
import { draftTorrent, withLayers } from "../../support/v2-torrents.js"
import { ManualClock } from "../peer/harness.js"

const hasher = {
  ...digester,
  hashPieces: (_: string, pieces: readonly Uint8Array[]) =>
    Promise.resolve(new Uint8Array(Buffer.concat(pieces.map(sha256)))),
} as unknown as Hasher

type Asker = Parameters<HashAnswers["answer"]>[0]

const remote = { host: "10.0.0.1", port: 6881 }

const FILES = { "large.bin": 700_000, "one piece": 50_000, "one block": 5 }

function open(version: "v2" | "hybrid", have = true, files: Record<string, number> = FILES, layers = Infinity) {
  const drafted = draftTorrent(files, { version, pieceLength: 65_536 })
  const { layout, fileNodes } = parseTorrent(withLayers(drafted.torrent, layers), digester)
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
  const clock = new ManualClock()
  let taken = 0
  let hosts = 0
  const limit = { take: (bytes: number) => (taken += bytes) }
  const answers = new HashAnswers({ layout, nodes: fileNodes!, hasher, clock, limit, have: pieces, read, log })
  /** Each time from another host. */
  const ask = (request: HashRequest, peer: Partial<Asker> = {}): Promise<Uint8Array | undefined> =>
    new Promise((resolve) => {
      const from = { host: `10.0.0.${++hosts}`, port: 6881 }
      const sendHashes: Asker["sendHashes"] = (_, hashes) => resolve(hashes?.slice())
      answers.answer({ amChoking: false, sendBacklog: 0, remote: from, ...peer, sendHashes }, request)
    })
  return { layout, nodes: fileNodes!, ask, data: drafted.data, answers, clock, taken: () => taken }
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
    expect(await open(version).ask(leaves, { amChoking: true })).toBeUndefined()
    expect(await open(version).ask(leaves, { sendBacklog: 2 << 20 })).toBeUndefined()
    const { ask } = open(version)
    for (const wrong of [
      { root: new Uint8Array(32) },
      { base: 6 },
      { base: 0xffffffff },
      { length: 3 },
      { length: 0 },
      { index: 1 },
      { index: 64 },
      // Within the tree, where the file has no blocks any more.
      { index: 44 },
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

    // What follows the last block is kept with it in a hybrid, and not known to the tree: whoever gave it is not blamed.
    check.rejected(first + 10)
    check.answered(asked[1]!, (await ask(asked[1]!))!)
    const [piece, leaves] = compared[1]!
    const last = [40, 41, 42].map((block) => sha256(data[file]!.subarray(block * 16384, (block + 1) * 16384)))
    expect(piece).toBe(first + 10)
    expect(leaves).toEqual(new Uint8Array(Buffer.concat(version === "v2" ? last : last.slice(0, 2))))
  })

  it("count as uploads, and no host gets more than its share in a minute, however often it connects", () => {
    const { nodes, answers, clock, taken } = open(version)
    const root = nodes.roots[nodes.roots.findIndex((_, file) => nodes.needsLayer(file))]!
    const request = { root, base: 2, index: 0, length: 2, proofLayers: 3 }
    const refused = (times: number, host: string): number => {
      let count = 0
      for (let i = 0; i < times; i++) {
        const sendHashes: Asker["sendHashes"] = (_, hashes) => {
          if (hashes === undefined) count++
        }
        answers.answer({ amChoking: true, sendBacklog: 0, remote: { host, port: 1024 + i }, sendHashes }, request)
      }
      return count
    }
    // Two hashes and three uncles are 160 bytes; a host gets 256 KiB.
    const most = Math.floor((256 << 10) / 160)
    expect(refused(1500, "10.0.0.1")).toBe(0)
    expect(taken()).toBe(1500 * 160)
    clock.advance(59_999)
    expect(refused(500, "10.0.0.1")).toBe(2000 - most)
    expect(refused(1, "10.0.0.2")).toBe(0)
    clock.advance(1)
    expect(refused(most, "10.0.0.1")).toBe(0)
    expect(refused(1, "10.0.0.1")).toBe(1)
  })
})

it("of a hybrid that has only some of its piece layers are given as far as they are known", async () => {
  const { nodes, ask } = open("hybrid", true, { "a.bin": 200_000, "b.bin": 150_000 }, 1)
  const given = await Promise.all(
    [0, 2].map(async (file) => {
      const height = heightOver(leafCount(file === 0 ? 200_000 : 150_000))
      const request = { root: nodes.roots[file]!, base: 2, index: 0, length: 2, proofLayers: height - 3 }
      const hashes = await ask(request)
      expect(hashes === undefined || leadsTo(request.root, request, hashes, sha256)).toBe(true)
      // What stands below a piece's node, its data tell.
      expect(await ask({ ...request, base: 0, length: 4, proofLayers: 0 })).toBeDefined()
      return hashes !== undefined
    }),
  )
  expect(given.sort()).toEqual([false, true])
})

describe("the leaves of a large piece", () => {
  const ask = (read: HashAnswersOptions["read"]) => {
    const layout = TorrentLayout.of(8 << 20, [{ path: "a", length: 5 << 20, padding: false }], "aligned")
    const root = sha256(Uint8Array.of(1))
    const have = new Bitfield(1)
    have.fill()
    const answers = new HashAnswers({
      ...{ layout, nodes: new FileNodes(layout, [root]), hasher, clock: new ManualClock(), have, read },
      limit: { take: () => {} },
      log: { log: () => {} },
    })
    return (index: number): Promise<Uint8Array | undefined> =>
      new Promise((resolve) =>
        answers.answer(
          { amChoking: false, sendBacklog: 0, remote, sendHashes: (_, hashes) => resolve(hashes) },
          { root, base: 0, index, length: 64, proofLayers: 0 },
        ),
      )
  }

  it("are read and hashed in steps of a megabyte, and their askers take turns", async () => {
    let reading = 0
    let most = 0
    const leavesFrom = ask(async (_piece, begin, into) => {
      expect(into.length).toBe(1 << 20)
      expect(into.buffer.byteLength).toBe(1 << 20)
      most = Math.max(most, ++reading)
      await Promise.resolve()
      into.fill(begin >> 20)
      reading--
    })
    const given = await Promise.all(Array.from({ length: 5 }, (_, i) => leavesFrom(64 * i)))
    for (const [i, hashes] of given.entries()) {
      expect(hashes!.subarray(0, 32)).toEqual(sha256(new Uint8Array(16384).fill(i)))
    }
    expect(most).toBe(2)
  })

  it("are refused while sixteen who asked for them wait already", async () => {
    const disk = deferred()
    const leavesFrom = ask(() => disk.promise)
    const taken = Array.from({ length: 18 }, () => leavesFrom(0))
    expect(await leavesFrom(0)).toBeUndefined()
    disk.resolve()
    for (const given of await Promise.all(taken)) expect(given).toBeDefined()
  })
})

describe("the tree of a file of many pieces", () => {
  it("is there once its layer is, so that an answer from any height of it takes no hashing", () => {
    const pieces = 512 * 40
    const layout = TorrentLayout.of(16384, [{ path: "a", length: pieces * 16384, padding: false }], "aligned")
    const layer = new Uint8Array(pieces * 32).map((_, i) => i >> 5)
    const root = rootOverPieces(layer, 1, sha256)
    const nodes = new FileNodes(layout, [root])
    expect(nodes.add(0, layer, sha256)).toBe(true)
    let hashed = 0
    const digest: Hasher["digest"] = (...args) => {
      hashed++
      return hasher.digest(...args)
    }
    const answers = new HashAnswers({
      ...{ layout, nodes, hasher: { ...hasher, digest }, clock: new ManualClock(), have: new Bitfield(pieces) },
      limit: { take: () => {} },
      log: { log: () => {} },
      read: () => Promise.reject(new Error("nothing is to be read")),
    })
    const height = heightOver(pieces)
    for (let base = 0; base < height; base++) {
      for (const length of [1, Math.min(512, 2 ** (height - base))]) {
        const request = { root, base, index: 0, length, proofLayers: height - base - 1 }
        let given: Uint8Array | undefined
        answers.answer(
          { amChoking: true, sendBacklog: 0, remote, sendHashes: (_, hashes) => (given = hashes) },
          request,
        )
        expect(leadsTo(root, request, given!, sha256), `${base} ${length}`).toBe(true)
      }
    }
    // Those that stand for nothing, each once.
    expect(hashed).toBeLessThanOrEqual(height)
  })
})
