import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { rootOverPieces } from "../../src/metainfo/file-hashes.js"
import { FileNodes } from "../../src/metainfo/file-nodes.js"
import { answerTo, type HashRequest, isAnswerable } from "../../src/metainfo/hash-request.js"
import { TorrentLayout } from "../../src/metainfo/layout.js"
import { heightOver, leafCount } from "../../src/metainfo/merkle.js"
import { LayerExchange } from "../../src/torrent/metadata/layer-exchange.js"
import { LayerParts } from "../../src/torrent/metadata/layer-parts.js"
import { sha256 } from "../support/torrents.js"

const PIECE = 32_768

/** A v2 torrent of files with so many pieces, by its roots alone, and by all its hashes. */
function torrentOf(pieceCounts: readonly number[], lastPiece: number) {
  const files = pieceCounts.map((pieces, index) => ({
    path: String(index),
    length: (pieces - 1) * PIECE + lastPiece,
    padding: false,
  }))
  const layout = TorrentLayout.of(PIECE, files, "aligned")
  const layers = pieceCounts.map((pieces, file) =>
    Buffer.concat(Array.from({ length: pieces }, (_, piece) => sha256(Uint8Array.of(file, piece, piece >> 8)))),
  )
  const roots = layers.map((layer, i) =>
    pieceCounts[i] === 1 ? new Uint8Array(layer) : rootOverPieces(layer, layout.blocksPerPiece, sha256),
  )
  const bare = new FileNodes(layout, roots)
  const whole = new FileNodes(layout, roots)
  for (const [file, layer] of layers.entries()) whole.add(file, new Uint8Array(layer), sha256)
  return { layout, bare, whole, layers }
}

type Torrent = ReturnType<typeof torrentOf>

type Manner = "honest" | "wrong" | "short" | "silent" | "refuses" | "lacks some" | "leaves"

interface Giver {
  readonly manner: Manner
  /** ms until it answers. */
  readonly delay: number
  /** ms until it is there. */
  readonly joins: number
}

const giver: fc.Arbitrary<Giver> = fc.record({
  manner: fc.constantFrom<Manner>("wrong", "short", "silent", "refuses", "lacks some", "leaves"),
  delay: fc.integer({ min: 1, max: 3000 }),
  joins: fc.integer({ min: 0, max: 5000 }),
})

/** What that peer answers; undefined: it refuses. */
function answer({ whole, layout }: Torrent, { manner }: Giver, request: HashRequest): Uint8Array | undefined {
  const file = whole.fileOf(request.root)!
  expect(isAnswerable(request, heightOver(leafCount(layout.files[file]!.length)))).toBe(true)
  if (manner === "refuses" || (manner === "lacks some" && request.index > 0)) return undefined
  const hashes = answerTo(request, (height, index) => whole.at(file, height, index, sha256))!
  if (manner === "wrong") hashes[request.index % hashes.length]! ^= 1
  return manner === "short" ? hashes.subarray(32) : hashes
}

/** Plays an exchange until it is done or `limit` ms have passed. */
function play(torrent: Torrent, givers: readonly Giver[], limit: number) {
  const events: { at: number; run: () => void }[] = []
  let now = 0
  let done = 0
  let asked = 0
  const dropped = new Set<Giver>()
  const at = (delay: number, run: () => void): void => void events.push({ at: now + delay, run })
  const parts = new LayerParts(torrent.layout, torrent.bare)
  const exchange: LayerExchange<Giver> = new LayerExchange<Giver>(parts, sha256, {
    ask: (peer, request) => {
      asked++
      if (peer.manner === "silent") return true
      at(peer.delay, () => {
        if (peer.manner === "leaves") exchange.left(peer, now)
        else exchange.onHashes(peer, request, answer(torrent, peer, request), now)
      })
      return true
    },
    drop: (peer) => dropped.add(peer),
    onLayers: () => done++,
  })
  for (const peer of givers) at(peer.joins, () => exchange.joined(peer, now))
  const tick = (): void => {
    exchange.tick(now)
    at(250, tick)
  }
  at(250, tick)
  while (done === 0 && now < limit) {
    events.sort((a, b) => a.at - b.at)
    const next = events.shift()!
    now = next.at
    next.run()
  }
  return { now, done, parts, asked, dropped }
}

/** All layers are there, and right. */
function expectWhole(torrent: Torrent, { parts, done }: ReturnType<typeof play>): void {
  expect(done).toBe(1)
  const given = parts.join()
  expect(given.reduce((sum, { layer }) => sum + layer.length, 0)).toBe(parts.bytes)
  for (const { root, layer } of given) expect(torrent.bare.add(torrent.bare.fileOf(root)!, layer, sha256)).toBe(true)
  expect(torrent.bare.complete).toBe(true)
}

const HONEST: Giver = { manner: "honest", delay: 100, joins: 700 }
const pieceCounts = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 4 })

describe("an exchange of piece layers", () => {
  test("ends with the right ones when anyone honest takes part, whoever lies, and never blames the honest", () => {
    fc.assert(
      fc.property(
        pieceCounts.filter((counts) => counts.some((pieces) => pieces > 1)),
        fc.integer({ min: 1, max: PIECE }),
        fc.array(giver, { maxLength: 6 }),
        (counts, lastPiece, others) => {
          const torrent = torrentOf(counts, lastPiece)
          const played = play(torrent, [...others, HONEST], 1_200_000)
          expectWhole(torrent, played)
          expect(played.dropped.has(HONEST)).toBe(false)
        },
      ),
      { numRuns: 40 },
    )
  })

  test("of several peers asks all, and hardly twice for the same", () => {
    const torrent = torrentOf(Array<number>(60).fill(2), PIECE)
    const peers = [1, 2, 3].map((n): Giver => ({ manner: "honest", delay: 100 + n, joins: 0 }))
    const played = play(torrent, peers, 60_000)
    expectWhole(torrent, played)
    // Eight at a time of each of three.
    expect(played.now).toBeLessThan(400)
    expect(played.asked).toBeLessThan(60 + 24)
  })

  test("blames who gave a wrong hash at once, keeps nothing of it, and gives up who does not answer", () => {
    const torrent = torrentOf([5, 700], 1)
    const liar: Giver = { manner: "wrong", delay: 1, joins: 0 }
    const short: Giver = { manner: "short", delay: 1, joins: 0 }
    const silent: Giver = { manner: "silent", delay: 1, joins: 0 }
    const refusing: Giver = { manner: "refuses", delay: 1, joins: 0 }
    const { dropped, parts } = play(torrent, [liar, short, silent, refusing], 100_000)
    expect(dropped).toEqual(new Set([liar, short, silent]))
    expect(parts.join().every(({ layer }) => layer.length === 0)).toBe(true)
  })

  test("is put together from peers that lack parts of it", () => {
    const torrent = torrentOf([1100, 3], 5)
    const some: Giver = { manner: "lacks some", delay: 1, joins: 0 }
    const late: Giver = { ...HONEST, joins: 30_000 }
    expectWhole(torrent, play(torrent, [some, late], 100_000))
  })

  test("asks once for files with the same content", () => {
    const { layout, layers } = torrentOf([3, 3], PIECE)
    const root = rootOverPieces(layers[0]!, layout.blocksPerPiece, sha256)
    const parts = new LayerParts(layout, new FileNodes(layout, [root, root]))
    expect(parts).toMatchObject({ count: 1, bytes: 96 })
  })
})
