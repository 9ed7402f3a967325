import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { ProtocolError } from "../../src/errors.js"
import { MetadataExchange } from "../../src/torrent/metadata/metadata-exchange.js"
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  type MetadataMessage,
  metadataPieceCount,
} from "../../src/wire/metadata-message.js"

/** No two pieces of it are the same. */
function metadataOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i * 7 + (i >> 14) * 31)
}

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0

describe("the codec", () => {
  test("gives back what it was given", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70_000 }), fc.nat(), (size, choice) => {
        const metadata = metadataOf(size)
        const piece = choice % metadataPieceCount(size)
        expect(decodeMetadataMessage(encodeMetadataRequest(piece))).toEqual({ kind: "request", piece })
        expect(decodeMetadataMessage(encodeMetadataReject(piece))).toEqual({ kind: "reject", piece })
        const data = decodeMetadataMessage(encodeMetadataData(metadata, piece))
        expect(data).toMatchObject({ kind: "data", piece, totalSize: size })
        const bytes = data?.kind === "data" ? data.bytes : undefined
        expect(same(bytes, metadata.subarray(piece * 16384, (piece + 1) * 16384))).toBe(true)
      }),
    )
  })

  test("ends any bytes at all in a message, nothing, or a protocol error", () => {
    const bencodeLike = fc
      .array(fc.constantFrom("d", "e", "l", "i1e", "i-1e", "8:msg_type", "5:piece", "10:total_size", "i99e", "x"))
      .map((parts) => new Uint8Array(Buffer.from(parts.join(""))))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), bencodeLike), (payload) => {
        try {
          decodeMetadataMessage(payload)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

/** An exchange to be driven step by step. */
function exchangeOf() {
  const asked: [peer: string, piece: number][] = []
  const dropped: string[] = []
  const exchange = new MetadataExchange<string>({
    ask: (peer, piece) => asked.push([peer, piece]),
    drop: (peer, reason) => dropped.push(`${peer}: ${reason}`),
    letGo: () => {},
    matches: () => false,
    onMetadata: () => {},
  })
  return { exchange, asked, dropped }
}

/** How a peer that says it has the metadata behaves. */
type Manner = "honest" | "wrong bytes" | "wrong size" | "silent" | "refuses" | "wrong length" | "other total" | "leaves"

interface Giver {
  readonly manner: Manner
  /** ms until it answers. */
  readonly delay: number
  /** ms until it offers. */
  readonly joins: number
  /** Of the pieces that it gives, one in so many is wrong, for those who give wrong bytes. */
  readonly every: number
}

const giver: fc.Arbitrary<Giver> = fc.record({
  manner: fc.constantFrom<Manner>(
    "wrong bytes",
    "wrong size",
    "silent",
    "refuses",
    "wrong length",
    "other total",
    "leaves",
  ),
  delay: fc.integer({ min: 1, max: 3000 }),
  joins: fc.integer({ min: 0, max: 5000 }),
  every: fc.integer({ min: 1, max: 4 }),
})

/** Plays an exchange until it is done or `limit` ms have passed. */
function play(size: number, givers: readonly Giver[], limit: number) {
  const truth = metadataOf(size)
  const events: { at: number; run: () => void }[] = []
  let now = 0
  let found: Uint8Array | undefined
  const dropped = new Set<Giver>()
  const letGo = new Map<Giver, number>()
  const at = (delay: number, run: () => void): void => void events.push({ at: now + delay, run })
  const exchange: MetadataExchange<Giver> = new MetadataExchange<Giver>({
    ask: (peer, piece) => {
      if (peer.manner === "silent") return
      at(peer.delay, () => {
        if (peer.manner === "leaves") exchange.left(peer, now)
        else exchange.onMessage(peer, answer(truth, peer, piece), now)
      })
    },
    drop: (peer) => dropped.add(peer),
    letGo: (peer) => letGo.set(peer, now),
    matches: (metadata) => same(metadata, truth),
    onMetadata: (metadata) => {
      expect(found).toBeUndefined()
      found = metadata
    },
  })
  for (const peer of givers) {
    at(peer.joins, () => exchange.offered(peer, peer.manner === "wrong size" ? size + 20_000 : size, 2, now))
  }
  const tick = (): void => {
    exchange.tick(now)
    at(250, tick)
  }
  at(250, tick)
  while (found === undefined && now < limit) {
    events.sort((a, b) => a.at - b.at)
    const next = events.shift()!
    now = next.at
    next.run()
  }
  return { now, found, truth, dropped, letGo }
}

function answer(truth: Uint8Array, { manner, every }: Giver, piece: number): MetadataMessage {
  if (manner === "refuses") return { kind: "reject", piece }
  const length = manner === "wrong size" ? truth.length + 20_000 : truth.length
  const bytes = new Uint8Array(Math.min(16384, length - piece * 16384))
  bytes.set(truth.subarray(piece * 16384, piece * 16384 + bytes.length))
  if (manner === "wrong bytes" && piece % every === 0) bytes[0]! ^= 1
  const totalSize = manner === "other total" ? length + 1 : length
  return { kind: "data", piece, totalSize, bytes: manner === "wrong length" ? bytes.subarray(1) : bytes }
}

describe("an exchange", () => {
  test("ends with the right metadata when anyone honest takes part, whoever lies, and never blames the honest", () => {
    const honest: Giver = { manner: "honest", delay: 100, joins: 700, every: 1 }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), fc.array(giver, { maxLength: 8 }), (size, others) => {
        const { found, truth, dropped } = play(size, [...others, honest], 600_000)
        expect(same(found, truth)).toBe(true)
        expect(dropped.has(honest)).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  test("of several honest peers asks all of them", () => {
    const peers = [1, 2, 3].map((index): Giver => ({ manner: "honest", delay: 100 + index, joins: 0, every: 1 }))
    // 61 pieces, two at a time of each of three: 11 rounds and not 31.
    const { found, truth, now } = play(61 * 16384, peers, 60_000)
    expect(same(found, truth)).toBe(true)
    expect(now).toBeLessThan(1500)
  })

  test("blames who gave all of it wrong at once, and who says one thing and then another", () => {
    const liar: Giver = { manner: "wrong bytes", delay: 1, joins: 0, every: 1 }
    expect(play(50_000, [liar], 10_000).dropped).toEqual(new Set([liar]))
    const other: Giver = { manner: "other total", delay: 1, joins: 0, every: 1 }
    expect(play(50_000, [other], 10_000).dropped).toEqual(new Set([other]))
  })

  test("gives up a peer that never answers, and lets go of one that refuses for more than a minute", () => {
    const silent: Giver = { manner: "silent", delay: 1, joins: 0, every: 1 }
    const refusing: Giver = { manner: "refuses", delay: 1, joins: 0, every: 1 }
    const { dropped, letGo } = play(50_000, [silent, refusing], 100_000)
    expect(dropped).toEqual(new Set([silent]))
    expect([...letGo.keys()]).toEqual([refusing])
    expect(letGo.get(refusing)).toBeGreaterThan(60_000)
  })

  test("ends with who answers, again and again, what it was never asked", () => {
    const { exchange, dropped } = exchangeOf()
    exchange.offered("a", 50_000, 2, 0)
    const stray = decodeMetadataMessage(encodeMetadataReject(3))!
    for (let answers = 0; answers < 64; answers++) exchange.onMessage("a", stray, 0)
    expect(dropped).toEqual([])
    exchange.onMessage("a", stray, 0)
    expect(dropped).toEqual(["a: it answers requests that were never made"])
  })

  test("holds no more than 64 MiB of what may be lies, and begins anew with what it gave up", () => {
    const { exchange, asked } = exchangeOf()
    const sizes = new Map(["a", "b", "c"].map((peer, less) => [peer, (32 << 20) - less]))
    for (const [peer, size] of sizes) exchange.offered(peer, size, 1, 0)
    const bytes = new Uint8Array(16384)
    const firsts = () => asked.filter(([, piece]) => piece === 0).length
    expect(firsts()).toBe(3)
    const most = (64 << 20) / bytes.length
    for (let answers = 0; answers <= most; answers++) {
      expect(firsts()).toBe(3)
      const [peer, piece] = asked.at(-3)!
      exchange.onMessage(peer, { kind: "data", piece, totalSize: sizes.get(peer), bytes }, 0)
    }
    expect(firsts()).toBe(4)
  })
})
